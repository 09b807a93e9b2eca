"""The retrieval task: images and captions find each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.metrics import HEADLINE, IN_FOLDS, METRICS
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.results.spec import RunSpec
from vsebench.results.tasks import Probe, Task, Tunable

if TYPE_CHECKING:
    from vsebench.plugin.params import Scalar


SHORTEST = 2
"""Epochs of the shortest schedule that a trial trains: the order in which one epoch put learning
rates told nothing of that of three.
"""


def shortened(protocol: Protocol, share: float) -> dict[str, Scalar]:
    """Fewer epochs, with what the protocol counts in epochs shortened alike; cuts of the rate and
    the cosine are shares of all steps and follow by themselves.

    Args:
        protocol: protocol of a whole run.
        share: share of its epochs, in (0, 1].
    """
    epochs = min(protocol.epochs, max(SHORTEST, round(protocol.epochs * share)))
    changes: dict[str, Scalar] = {
        "epochs": epochs,
        "warmup_epochs": protocol.warmup_epochs * epochs / protocol.epochs,
        "lr_warmup_epochs": protocol.lr_warmup_epochs * epochs / protocol.epochs,
    }
    return {key: value for key, value in changes.items() if value != getattr(protocol, key)}


TUNABLE = Tunable(
    keys=("lr", "weight_decay", "clip_norm", "warmup_epochs", "lr_warmup_epochs"),
    components=(
        "pooling",
        "image_pooling",
        "text_pooling",
        "loss",
        "sampler",
        "image_encoder",
        "text_encoder",
    ),
    searched=(("lr",),),
    shortened=shortened,
)

PROBE = Probe(
    dataset="scenes:images=50",
    changes={
        "batch_size": 16,
        "compile": "none",
        "devices": 1,
        "embed_dim": 16,
        "epochs": 2,
        "eval_every_steps": 1,
        "evaluate": "full",
        "evaluate_on": "test",
        "frozen_features": "live",
        "image_encoder": "region",
        "lr_warmup_epochs": 0,
        "precision": "fp32",
        "select_at": "last",
        "stop": "never",
        "text_encoder": "bigru",
        "threads": 1,
        "tune_images": 0,
        "warmup_epochs": 0.25,
        "word_dim": 16,
    },
)
"""A quarter of the first epoch trains with the protocol's warm-up loss."""

RETRIEVAL = Task(
    name="retrieval",
    spec=RunSpec,
    protocol=Protocol,
    presets=PRESETS,
    axes=("pooling", "loss", "sampler"),
    metrics=METRICS["retrieval"],
    headline=HEADLINE["retrieval"],
    further=(*IN_FOLDS.values(),),
    notes=(
        (
            "R@K: % of test queries with a positive among the first K (any-hit; ties count against "
            "the model). RSUM: sum of the six."
        ),
        "i2t: images retrieve captions; t2i: captions retrieve images.",
        (
            "Seconds: training, with the first round and the mining that a loss needs, without "
            "evaluation. Steps: the run's own."
        ),
    ),
    parts=("train", "mining", "prior", "evaluation"),
    planner="vsebench.grid.plan_retrieval:retrieval_runs",
    runner="vsebench.retrieval.training.train:train",
    retester="vsebench.retrieval.ranking.metrics:retest",
    tunable=TUNABLE,
    probe=PROBE,
    published=True,
)
"""`prior` is the first round of a loss that needs one."""
