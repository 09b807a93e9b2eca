"""The catalogue: packages of plugins that others have published, in an index file that they extend
by pull request.
"""
