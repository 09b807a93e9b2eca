"""What a run is, and what it leaves behind.

A run is a spec (`spec`, with what all tasks share in `run_base`): resolved `components`, a
`protocol` (named ones in `presets`) and an identity; `tasks` describes each task. While it works it
is watched by `observers`, and it leaves a `record` with its `provenance`. `folder` is where runs
are written, `packs` is the same in two files, and `checks` says what of it can be believed. To read
runs of either, start at `reader`.
"""
