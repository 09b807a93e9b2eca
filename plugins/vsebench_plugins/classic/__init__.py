"""The classic methods: fixed poolings, hinge losses, the squared error, the inner product, the
random batch plan and stopping rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from vsebench.plugin import Card, LossCard, Paper, Param, PoolingCard, hookimpl
from vsebench_plugins.classic import published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar

_VSE_INFINITY = "Learning the Best Pooling Strategy for Visual Semantic Embedding"
_VSE_INFINITY_URL = "https://arxiv.org/abs/2011.04305"


def _vse_infinity(where: str) -> Paper:
    return Paper(_VSE_INFINITY, 2021, _VSE_INFINITY_URL, venue="CVPR", where=where)


MEAN = PoolingCard(
    "mean of the valid features",
    paper=_vse_infinity("Table 1, AvgPool"),
    published=published.MEAN,
    order_free=True,
    graphs=1,
    kernels=("masked_mean",),
)

MAX = PoolingCard(
    "largest valid value of each dimension",
    paper=_vse_infinity("Table 1, best simple pooling for regions"),
    published=published.MAX,
    order_free=True,
    graphs=1,
    kernels=("masked_max",),
)

MAXAVG = PoolingCard(
    "w · max + (1 − w) · mean",
    notes=("No paper fixes the mixture: w = 0.5 is this suite's choice.",),
    order_free=True,
    graphs=1,
    kernels=("masked_max", "masked_mean"),
)

KMAX = PoolingCard(
    "mean of the k largest valid values of each dimension",
    paper=_vse_infinity("Table 1, K-Max"),
    published=published.KMAX,
    notes=(
        (
            "k is min(k, length) for each item by itself; in the released helper a short item "
            "lowers k for later items of its batch."
        ),
    ),
    order_free=True,
    graphs=1,
    kernels=("sorted_weighted_sum",),
)

DOT = Card("inner product of the embeddings (the cosine, as they are normalised)")


def _reduction(params: Mapping[str, Scalar]) -> Literal["sum", "mean"]:
    return cast("Literal['sum', 'mean']", params["reduction"])


SUM_HINGE = LossCard(
    "sum of the hinges of all negatives in the batch, both directions (VSE0)",
    paper=Paper(
        "Unifying Visual-Semantic Embeddings with Multimodal Neural Language Models",
        2014,
        "https://arxiv.org/abs/1411.2539",
        where="pairwise ranking loss; the sum of hinges (SH) of VSE++",
    ),
    non_negative=True,
    reduction=_reduction,
)

TRIPLET = LossCard(
    "hinge of the hardest negative in the batch, both directions (VSE++)",
    paper=Paper(
        "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives",
        2018,
        "https://arxiv.org/abs/1707.05612",
        venue="BMVC",
        where="max of hinges (MH)",
    ),
    published=published.TRIPLET,
    non_negative=True,
    reduction=_reduction,
)

MSE = LossCard(
    "squared error, averaged over sets and dimensions",
    task="patterns",
    non_negative=True,
    reduction="mean",
)

RANDOM = Card("a fresh uniform permutation of the training captions each epoch")
PATIENCE = Card("early stopping: ends training once the best dev evaluation lies some epochs back")
COLLAPSE = Card(
    "ends training once the model has stayed collapsed for some epochs",
    notes=(
        (
            "A model has collapsed when its ranks are lost, one side is a narrow cone, and the "
            "loss is no better than at equal embeddings."
        ),
        "It is for the retrieval task.",
    ),
)


_MARGIN = Param("margin", 0.2, "margin of the hinge", minimum=0)
_REDUCTION = Param(
    "reduction", "sum", "over the batch; the published losses sum", choices=("sum", "mean")
)


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register("mean", "vsebench_plugins.classic.poolings:Mean", card=MEAN)
    register("max", "vsebench_plugins.classic.poolings:Max", card=MAX)
    register(
        "maxavg",
        "vsebench_plugins.classic.poolings:MaxAvg",
        params=[
            Param("w", 0.5, "weight of the maximum; the mean gets the rest", minimum=0, maximum=1)
        ],
        card=MAXAVG,
    )
    register(
        "kmax",
        "vsebench_plugins.classic.poolings:KMax",
        params=[Param("k", 5, "how many of the largest values are averaged", minimum=1)],
        card=KMAX,
    )


@hookimpl
def vsebench_register_similarities(register: Register) -> None:
    register("dot", "vsebench_plugins.classic.similarity:Dot", card=DOT)


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "sum-hinge",
        "vsebench_plugins.classic.losses:SumHinge",
        params=[_MARGIN, _REDUCTION],
        card=SUM_HINGE,
    )
    register(
        "triplet",
        "vsebench_plugins.classic.losses:Triplet",
        params=[_MARGIN, _REDUCTION],
        card=TRIPLET,
    )
    register("mse", "vsebench_plugins.classic.regression:MeanSquares", card=MSE)


@hookimpl
def vsebench_register_batch_plans(register: Register) -> None:
    register("random", "vsebench_plugins.classic.plans:Random", card=RANDOM)


@hookimpl
def vsebench_register_stopping_rules(register: Register) -> None:
    epochs = Param(
        "epochs", 5.0, "epochs since the best evaluation after which training ends", minimum=0
    )
    metric = Param(
        "metric", "", "dev metric by row key; empty: the headline (rsum, map or explained)"
    )
    register(
        "patience",
        "vsebench_plugins.classic.stopping:Patience",
        params=[epochs, metric],
        card=PATIENCE,
    )
    stayed = Param(
        "epochs", 1.0, "epochs of collapsed evaluations after which training ends", minimum=0
    )
    register(
        "collapse",
        "vsebench_plugins.classic.stopping:Collapse",
        params=[stayed],
        card=COLLAPSE,
    )
