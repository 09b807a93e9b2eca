"""The retrieval task: images and captions find each other."""

from __future__ import annotations

from vsebench.plugin.metrics import HEADLINE, METRICS
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.results.spec import RunSpec
from vsebench.results.tasks import Task

RETRIEVAL = Task(
    name="retrieval",
    spec=RunSpec,
    protocol=Protocol,
    presets=PRESETS,
    axes=("pooling", "loss", "sampler"),
    metrics=METRICS["retrieval"],
    headline=HEADLINE["retrieval"],
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
    published=True,
)
"""`prior` is the first round of a loss that needs one."""
