"""Data sets, feature tables, captions and vocabularies.

`open_dataset` (in `open`) finds, checks and identifies a set; `features` has tables beyond plain
memory maps; `vocabulary` turns captions into ids; `precomp`, `flickr8k` and `scenes` are the sets
themselves, registered in `builtin`.
"""
