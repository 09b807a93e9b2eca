"""Ranks and places under a similarity other than the inner product, in float64. Begin at `ranks`;
`items` are the embeddings of one side, and what they are scored with.
"""
