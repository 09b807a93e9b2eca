"""What the package costs, against plain versions and against the least that it could cost.

Begin at `figure`: a `Figure` makes the `Work` that is timed. `figures` declares all of them, each
once, beside its plain version; `timing` times a work's sides in alternating rounds, `run` one
figure after another, and `table` writes and shows what was found.
"""
