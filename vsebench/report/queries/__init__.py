"""Rows query by query: who wins which, the hardest, and what was retrieved instead."""
