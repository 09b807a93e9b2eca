"""Verdicts on differences between rows, and how they are written."""
