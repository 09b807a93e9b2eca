"""Intervals and tests: over seeds, and over seeds and test images (`means`), over families
(`moderation`, `pairs`, `ties`); `estimates` says which of them a row or a difference has.
"""
