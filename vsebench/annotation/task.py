"""The annotation task: images find their labels."""

from __future__ import annotations

from vsebench.plugin.metrics import HEADLINE, METRICS
from vsebench.results.presets import ANNOTATION_PRESETS
from vsebench.results.protocol import AnnotationProtocol
from vsebench.results.row_keys import SAMPLING
from vsebench.results.spec import AnnotationSpec
from vsebench.results.tasks import Task

ANNOTATION = Task(
    name="annotation",
    spec=AnnotationSpec,
    protocol=AnnotationProtocol,
    presets=ANNOTATION_PRESETS,
    axes=("sampler", "loss"),
    metrics=METRICS["annotation"],
    headline=HEADLINE["annotation"],
    notes=(
        (
            "P@K: share of positives among an image's first K labels; R@K: share of its positives "
            "there; MAP: mean average precision of the full rankings."
        ),
        (
            "AUC: share of (positive, negative) pairs in order, over all negatives. All are means "
            "over test images; ties count against the model."
        ),
        "Labels known from training are left out of a ranking.",
        (
            "Seconds: drawing, refreshing and updating, without evaluation. An update is one "
            "positive with one negative."
        ),
    ),
    parts=("sampling", "refresh", "update", "evaluation"),
    planner="vsebench.grid.plan_annotation:annotation_runs",
    runner="vsebench.annotation.run:run",
    asker="vsebench.annotation.sequential:ask",
    step="updates",
    cost=SAMPLING,
    shown_cost={"sampling": "sampling_seconds", "refresh": "refresh_seconds"},
    tunes_rows=True,
)
