"""Negative samplers that are the baselines of VSE-ens, and the losses of the annotation task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.sampling import cards

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_samplers(register: Register) -> None:
    register("uniform", "vsebench_plugins.sampling.independent:Uniform", card=cards.UNIFORM)
    register(
        "popularity",
        "vsebench_plugins.sampling.independent:Popularity",
        params=[Param("power", 1.0, "1 draws in proportion to counts, 0 uniformly", minimum=0)],
        card=cards.POPULARITY,
    )
    register(
        "warp",
        "vsebench_plugins.sampling.scored:Warp",
        params=[
            Param(
                "trials",
                0,
                "most candidates per draw; 0 allows as many as there are other labels",
                minimum=0,
            ),
            Param(
                "xi",
                "top",
                "what the weight optimises: the top of the ranking (1/j) or the mean rank (1/(A - "
                "1))",
                choices=("top", "mean"),
            ),
        ],
        card=cards.WARP,
    )
    register(
        "dns",
        "vsebench_plugins.sampling.scored:DNS",
        params=[
            Param("n", 8, "candidates", minimum=1),
            Param("m", 1, "of the best, how many may be taken", minimum=1),
        ],
        card=cards.DNS,
    )
    register(
        "softmax-oracle",
        "vsebench_plugins.sampling.scored:SoftmaxOracle",
        params=[Param("temperature", 1.0, "smaller is harder", minimum=1e-3)],
        card=cards.SOFTMAX_ORACLE,
    )


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register("hinge", "vsebench_plugins.sampling.losses:Hinge", card=cards.HINGE)
    register("logistic", "vsebench_plugins.sampling.losses:Logistic", card=cards.LOGISTIC)
    register(
        "warp-weighted", "vsebench_plugins.sampling.losses:WarpWeighted", card=cards.WARP_WEIGHTED
    )
