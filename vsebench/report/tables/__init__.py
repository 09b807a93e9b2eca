"""Rows as text: `layout` makes them cells, `formats` text, and `notes` and its like what stands
below.
"""
