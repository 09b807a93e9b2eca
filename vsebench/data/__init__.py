"""Data sets, feature tables, captions and vocabularies."""
