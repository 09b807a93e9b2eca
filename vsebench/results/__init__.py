"""What a run is, and what it leaves behind.

A run is a spec (`spec`, with what all tasks share in `run_base`): resolved `components`, a
`protocol` (`presets` are those with a name) and an identity; `tasks` says what is told of each
task. It works in its `directory` under a `lease`, watched by `observers`, and leaves a `record`
with its `provenance`. `store` is a folder of runs, of which a pack makes two files (`pack_format`,
`pack`, `packing`, `unpacking`). Whoever reads runs begins at `reader`, which is the same for both;
`find` finds them by what a person writes.
"""
