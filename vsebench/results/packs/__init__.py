"""A study in two files: their `format`, the `tables` of arrays, `packing`, and `pack`, which reads
and unpacks them.
"""
