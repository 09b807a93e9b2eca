"""The annotation task: images find their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.metrics import HEADLINE, METRICS
from vsebench.results.presets import ANNOTATION_PRESETS
from vsebench.results.protocol import AnnotationProtocol
from vsebench.results.row_keys import SAMPLING
from vsebench.results.spec import AnnotationSpec
from vsebench.results.tasks import Probe, Task, Tunable

if TYPE_CHECKING:
    from vsebench.plugin.params import Scalar


def shortened(protocol: AnnotationProtocol, share: float) -> dict[str, Scalar]:
    """Fewer epochs, and where even one is too long, fewer updates of each image in it: the rate is
    constant, so that any number of updates is a complete schedule.

    Args:
        protocol: protocol of a whole run.
        share: share of its updates, in (0, 1].
    """
    epochs = max(1, round(protocol.epochs * share))
    round_size = max(1, round(protocol.epochs * protocol.round_size * share / epochs))
    changes: dict[str, Scalar] = {"epochs": epochs, "round_size": round_size}
    return {key: value for key, value in changes.items() if value != getattr(protocol, key)}


TUNABLE = Tunable(
    keys=("lr", "l2_image", "l2_label", "init_scale"),
    components=("sampler", "loss"),
    searched=(("lr",), ("l2_image", "l2_label")),
    shortened=shortened,
)

PROBE = Probe(
    dataset="tags:images=400:labels=60:density=0.05",
    changes={
        "embed_dim": 8,
        "epochs": 2,
        "evals_per_epoch": 16,
        "image_vectors": "free",
        "round_size": 16,
        "stop": "never",
        "threads": 1,
    },
)

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
    retester="vsebench.annotation.metrics:retest",
    asker="vsebench.annotation.sequential:ask",
    step="updates",
    cost=SAMPLING,
    shown_cost={"sampling": "sampling_seconds", "refresh": "refresh_seconds"},
    tunable=TUNABLE,
    probe=PROBE,
)
