"""The names of a row's columns, which plugins may not take for theirs."""

from __future__ import annotations

from vsebench.plugin.metrics import METRICS

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
    "total_seconds",
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

OWN = frozenset(
    (
        *IDENTITY,
        *COUNTS,
        NO_EVIDENCE,
        *(metric.key for metrics in METRICS.values() for metric in metrics),
        *CONVERGENCE,
        *COST,
        *SAMPLING,
        "rank",
    )
)
INTERVAL_ENDS = ("_lo", "_hi")
