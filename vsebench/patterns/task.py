"""The pattern task: poolings learn to be other poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.patterns.spec import PATTERN_PRESETS, PatternsProtocol, PatternsSpec
from vsebench.plugin.metrics import HEADLINE, METRICS
from vsebench.results.tasks import Probe, Task, Tunable

if TYPE_CHECKING:
    from vsebench.plugin.params import Scalar


def shortened(protocol: PatternsProtocol, share: float) -> dict[str, Scalar]:
    """Shorter epochs: as many evaluations, and a whole cosine.

    Args:
        protocol: protocol of a whole run.
        share: share of its steps, in (0, 1].
    """
    steps = max(1, round(protocol.steps_per_epoch * share))
    return {} if steps == protocol.steps_per_epoch else {"steps_per_epoch": steps}


PATTERNS = Task(
    name="patterns",
    spec=PatternsSpec,
    protocol=PatternsProtocol,
    presets=PATTERN_PRESETS,
    axes=("pooling", "loss"),
    metrics=METRICS["patterns"],
    headline=HEADLINE["patterns"],
    notes=(
        (
            "Explained: % of the variance of the targets, over sets of sizes seen in training; "
            "negative where a constant is better. RMSE: root mean squared error over sets and "
            "dimensions, at sizes seen in training (20 to 100) and at others (10 to 19, 101 to "
            "120)."
        ),
        "The tested model is the last one. Poolings without parameters take no step.",
        "Seconds: training, with the drawing of sets, without evaluation.",
    ),
    parts=("train", "evaluation"),
    planner="vsebench.grid.plan_patterns:pattern_runs",
    runner="vsebench.patterns.run:run",
    tunable=Tunable(
        keys=("lr",), components=("pooling", "loss"), searched=(("lr",),), shortened=shortened
    ),
    probe=Probe(
        dataset="patterns:pattern=max-10:dim=4:sets=50",
        changes={
            "batch_size": 8,
            "epochs": 4,
            "steps_per_epoch": 4,
            "stop": "never",
            "threads": 1,
        },
    ),
)
