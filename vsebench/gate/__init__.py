"""A gate for changes of code: do runs still give the same numbers, and where they do not, is a row
worse?
"""
