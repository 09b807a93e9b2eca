"""A loss of pytorch-metric-learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import LossCard, Paper, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

CARD = LossCard(
    "multi-similarity loss of pytorch-metric-learning, both directions",
    paper=Paper(
        "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
        2019,
        "https://arxiv.org/abs/1904.06627",
        venue="CVPR",
        where="Eq. 15",
    ),
    notes=("All pairs of the batch are weighted; the paper's mining of pairs is left out.",),
    non_negative=True,
    reduction="mean",
)
PARAMS = (
    Param("alpha", 2.0, "weight of positives far below the base", minimum=0.001),
    Param("beta", 50.0, "weight of negatives far above the base", minimum=0.001),
    Param("base", 0.5, "the score that separates positives from negatives"),
)


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "multi-similarity",
        "vsebench_multi_similarity.loss:MultiSimilarity",
        params=PARAMS,
        card=CARD,
    )
