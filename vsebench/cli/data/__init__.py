"""`vsebench data`: one module per command. Begin at `app`."""
