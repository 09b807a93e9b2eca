"""GPO, the Generalized Pooling Operator of VSE-infinity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Paper, Param, PoolingCard, hookimpl
from vsebench_plugins.gpo.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar


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


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "gpo",
        "vsebench_plugins.gpo.pooling:GPO",
        params=[
            Param("d_pe", 32, "size of the positional encoding, even", minimum=2),
            Param(
                "d_hidden",
                32,
                "size of the generator's states; knots of the interpolation",
                minimum=1,
            ),
            Param("temperature", 0.1, "of the softmax over ranks", minimum=1e-3),
            Param(
                "generator",
                "gru",
                "network that scores the ranks",
                choices=("gru", "transformer", "mlp", "interpolation"),
            ),
            Param(
                "encoding",
                "sincos",
                "a rank as fixed sinusoids or as a learnt vector",
                choices=("sincos", "learned"),
            ),
            Param(
                "reads",
                "positions",
                "what the generator reads of each rank",
                choices=("positions", "features", "both"),
            ),
            Param(
                "weights",
                "shared",
                "one for each rank, or one for each rank and dimension",
                choices=("shared", "per-dimension"),
            ),
        ],
        card=GPO,
    )
