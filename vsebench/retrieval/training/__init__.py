"""A run from its session to its record: rounds, steps, dev evaluations, checkpoints."""
