"""The names of a row's columns, beside its metrics."""

from __future__ import annotations

IDENTITY = (
    "dataset",
    "task",
    "protocol",
    "data_fingerprint",
    "metric_version",
    "pooling",
    "loss",
    "sampler",
)
COUNTS = ("seeds", "failed_seeds", "collapsed_seeds")
NO_EVIDENCE = "no_evidence"
CONVERGENCE = (
    "steps_to_95",
    "epochs_to_95",
    "seconds_to_95",
    "steps_to_target",
    "epochs_to_target",
    "seconds_to_target",
)
COST = (
    "train_seconds",
    "own_seconds",
    "total_seconds",
    "own_cpu_seconds",
    "total_cpu_seconds",
    "tuning_seconds",
    "samples_seen",
    "tower_forwards",
    "parameters",
    "peak_memory_mb",
    "concurrency",
)
SAMPLING = (
    "updates_per_second",
    "draws_per_second",
    "sampling_seconds",
    "refresh_seconds",
    "violation_rate",
    "false_negative_rate",
)

RANK = "rank"
