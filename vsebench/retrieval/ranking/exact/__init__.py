"""Ranks and places under the inner product, exact: a function of the embeddings alone, whatever the
block size, device or threads. Begin at `ranks`.
"""
