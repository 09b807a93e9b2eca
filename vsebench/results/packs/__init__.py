"""A study in two files: their `format`, `packing` and `unpacking`, and `pack`, which reads them."""
