"""Intervals and tests: over seeds (`means`), over seeds and test images (`two_way`), over families
(`moderation`, `pairs`, `ties`); `estimates` says which of them a row or a difference has.
"""
