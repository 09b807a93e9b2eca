"""A study in two files: their `format`, `packing`, and `pack`, which reads and unpacks them."""
