"""The command line: one module per command, named as the command is (`data_check` is `vsebench data
check`). Begin at `app`, which lists them.

Beside the commands: `options` is what several of them take, `progress` and `counting` what they
show on standard error, `extensions` the commands that plugins add; `embedded` and `relevance`
belong to `evaluate`.
"""
