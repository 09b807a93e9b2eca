"""The command line: one module per command, named as the command is. Begin at `app`, which lists
them; `data` has those of `vsebench data`, and `shared` what several commands take and show.
"""
