"""What each column of the page is, in a sentence: shown where its head is pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.convergence import SHARE
from vsebench.report.wording import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.report.rows import Block

_ARRIVAL = {"steps": "Optimiser steps", "epochs": "Epochs", "seconds": "Training seconds"}

_OWN: Mapping[str, str] = {
    "dataset": "Data set, as a component spec.",
    "task": "Retrieval of images and captions, or ranking of labels.",
    "protocol": "Preset of what is held equal, and what a row has besides.",
    "data_fingerprint": "Hash of the data.",
    "metric_version": "Raised when the definition of a metric changes.",
    "pooling": "Pooling operator, as a component spec; image side / text side where they differ.",
    "loss": "Loss, as a component spec.",
    "sampler": "Sampler of negatives, as a component spec.",
    "seeds": "Finished runs, one a seed; all figures are over these.",
    "failed_seeds": "Runs that failed, or could not start because one that they need failed.",
    "collapsed_seeds": "Finished runs whose last model no longer tells items apart.",
    "no_evidence": "Why the row is no evidence on its components; nothing where it is.",
    "train_seconds": "Seconds of the run's own optimiser steps.",
    "total_seconds": "Seconds of training with everything that the method needs first, without "
    "evaluation.",
    "sampling_seconds": "Training seconds in which negatives were drawn.",
    "refresh_seconds": "Seconds that went into the sampler's tables.",
    "samples_seen": "Training pairs consumed.",
    "tower_forwards": "Items passed through a tower in training steps.",
    "parameters": "Trainable parameters.",
    "peak_memory_mb": "Peak memory in MiB, the largest over seeds.",
    "concurrency": "Runs at a time, at most, of the command that made them.",
    "updates_per_second": "Updates in a second of training.",
    "draws_per_second": "Negatives drawn in a second of sampling.",
    "violation_rate": "Share of updates whose negative is within the margin.",
    "false_negative_rate": "Share of drawn negatives that are held-out labels of their image, "
    "where those are known.",
}


def explain(key: str, block: Block) -> str:
    """What a column holds; empty where its name is all that is known.

    Args:
        key: key of the column.
        block: block that may hold the metric.
    """
    return _OWN.get(key) or _metrics(block).get(key) or _arrival(key)


def _metrics(block: Block) -> dict[str, str]:
    """Of every metric's keys."""
    said = {}
    for metric in block.section.metrics:
        lower = " Lower is better." if metric.better == "lower" else ""
        said[metric.key] = f"{metric.about}{lower}"
        for key in metric.row_keys[1:]:
            bound = "Lower" if key.endswith("_lo") else "Upper"
            alone = " over seeds alone" if key.endswith(("_seeds_lo", "_seeds_hi")) else ""
            said[key] = (
                f"{bound} end of the {percent(block.level)} interval of {metric.key}{alone}."
            )
    return said


def _arrival(key: str) -> str:
    unit, _, where = key.partition("_to_")
    if unit not in _ARRIVAL:
        return ""
    goal = (
        "to the dev quality that the baseline sets"
        if where == "target"
        else f"to {percent(SHARE)} of the run's own best dev quality"
    )
    return f"{_ARRIVAL[unit]} {goal}."
