"""Card of GPO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Paper, PoolingCard
from vsebench_plugins.gpo.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Scalar


def _graphs(params: Mapping[str, Scalar]) -> int | None:
    """One, but for a GRU that reads features: dynamo leaves `nn.GRU` out, here two of them."""
    return 5 if params["generator"] == "gru" and params["reads"] != "positions" else 1


GPO = PoolingCard(
    "weighted sum of each dimension's sorted values, with weights learnt from rank and length",
    paper=Paper(
        "Learning the Best Pooling Strategy for Visual Semantic Embedding",
        2021,
        "https://arxiv.org/abs/2011.04305",
        venue="CVPR",
        where="Generalized Pooling Operator; positional encoding Eq. 4, counted from 0 as in the "
        "released code",
    ),
    published=PUBLISHED,
    notes=("12,704 parameters for each tower.",),
    order_free=True,
    graphs=_graphs,
    kernels=("prefix_scores", "sorted_weighted_sum"),
)
