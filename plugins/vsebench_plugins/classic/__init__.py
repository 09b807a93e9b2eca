"""The classic methods: fixed poolings, hinge losses, the inner product and the random batch
plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.classic import cards

if TYPE_CHECKING:
    from vsebench.plugin import Register

_MARGIN = Param("margin", 0.2, "margin of the hinge", minimum=0)
_REDUCTION = Param(
    "reduction", "sum", "over the batch; the published losses sum", choices=("sum", "mean")
)


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register("mean", "vsebench_plugins.classic.poolings:Mean", card=cards.MEAN)
    register("max", "vsebench_plugins.classic.poolings:Max", card=cards.MAX)
    register(
        "maxavg",
        "vsebench_plugins.classic.poolings:MaxAvg",
        params=[
            Param("w", 0.5, "weight of the maximum; the mean gets the rest", minimum=0, maximum=1)
        ],
        card=cards.MAXAVG,
    )
    register(
        "kmax",
        "vsebench_plugins.classic.poolings:KMax",
        params=[Param("k", 5, "how many of the largest values are averaged", minimum=1)],
        card=cards.KMAX,
    )


@hookimpl
def vsebench_register_similarities(register: Register) -> None:
    register("dot", "vsebench_plugins.classic.similarity:Dot", card=cards.DOT)


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "sum-hinge",
        "vsebench_plugins.classic.losses:SumHinge",
        params=[_MARGIN, _REDUCTION],
        card=cards.SUM_HINGE,
    )
    register(
        "triplet",
        "vsebench_plugins.classic.losses:Triplet",
        params=[_MARGIN, _REDUCTION],
        card=cards.TRIPLET,
    )


@hookimpl
def vsebench_register_batch_plans(register: Register) -> None:
    register("random", "vsebench_plugins.classic.plans:Random", card=cards.RANDOM)


@hookimpl
def vsebench_register_stopping_rules(register: Register) -> None:
    epochs = Param(
        "epochs", 5.0, "epochs since the best evaluation after which training ends", minimum=0
    )
    metric = Param(
        "metric", "", "dev metric by row key; empty: rsum, or map on the annotation task"
    )
    register(
        "patience",
        "vsebench_plugins.classic.stopping:Patience",
        params=[epochs, metric],
        card=cards.PATIENCE,
    )
    stayed = Param(
        "epochs", 1.0, "epochs of collapsed evaluations after which training ends", minimum=0
    )
    register(
        "collapse",
        "vsebench_plugins.classic.stopping:Collapse",
        params=[stayed],
        card=cards.COLLAPSE,
    )
