"""Videos, and any other sets of local features of unequal size, with any number of captions each.

`dataset` is the format on disk, `pack` makes it from a file per video, and `clips` is a procedural
example; they are registered in `builtin`.
"""
