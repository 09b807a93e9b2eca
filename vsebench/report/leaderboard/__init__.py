"""Rows of several studies from the best down, and how boards are written."""
