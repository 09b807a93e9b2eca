"""Discovery and loading of plugins, each in isolation; no plugin author needs it.

Begin at `loader`. `sources` are where plugins come from, `timebox` ends an import that does not
end, and `hints` say what a user can do about a plugin that could not be loaded.
"""
