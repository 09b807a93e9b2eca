"""The first-party methods, each package a plugin of its own: one entry point, so that one that
cannot be loaded leaves the others whole.
"""
