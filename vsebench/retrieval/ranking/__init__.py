"""Ranks, places and metrics of embeddings."""
