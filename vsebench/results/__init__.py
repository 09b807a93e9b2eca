"""What a run is, and what it leaves behind.

A run is a spec (`spec`, with what all tasks share in `run_base`): resolved `components`, a
`protocol` (named ones in `presets`) and an identity; `tasks` describes each task. It works in its
`directory` under a `lease`, watched by `observers`, and leaves a `record`
with its `provenance`. `store` is a folder of runs; a pack is the same in two files (`pack_format`,
`pack`, `packing`, `unpacking`). To read runs of either, start at `reader`; `find` resolves the
names that a person writes.
"""
