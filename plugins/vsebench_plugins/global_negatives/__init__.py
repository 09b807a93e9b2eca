"""Retrieval losses on global negatives: drawn by a sampler over the whole training set, not taken
from the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import LossCard, Paper, Param, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from vsebench.plugin import Register, Scalar


def _reduction(params: Mapping[str, Scalar]) -> Literal["sum", "mean"]:
    return "sum" if params["reduction"] == "sum" else "mean"


TRIPLET_GLOBAL = LossCard(
    "hinges of one caption and one image drawn by a sampler over the whole training set",
    paper=Paper(
        "VSE-ens: Visual-Semantic Embeddings with Efficient Negative Sampling",
        2018,
        "https://arxiv.org/abs/1801.01632",
        venue="AAAI",
        where="the sampling of §3, which the paper uses on labels, carried over to captions and "
        "images",
    ),
    sampled=True,
    non_negative=True,
    reduction=_reduction,
    notes=(
        (
            "Draws look at a table of the training set's embeddings as they were when the epoch "
            "first needed negatives; what is drawn is embedded anew, augmented."
        ),
        "No paper reports it for retrieval.",
    ),
)


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "triplet-global",
        "vsebench_plugins.global_negatives.loss:TripletGlobal",
        params=[
            Param("margin", 0.2, "of both hinges", minimum=0),
            Param("reduction", "sum", "over the batch", choices=("sum", "mean")),
        ],
        card=TRIPLET_GLOBAL,
    )
