"""The first-party methods. Each package is a plugin of its own, with one entry point, so that one
that cannot be loaded does not affect the others.
"""
