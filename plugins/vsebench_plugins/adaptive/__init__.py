"""Adaptive Pooling and the adaptive objective of the EACL 2023 paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.adaptive.cards import ADAPTIVE_LOSS, ADAPTIVE_POOLING

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "adaptive",
        "vsebench_plugins.adaptive.pooling:AdaptivePooling",
        params=[
            Param(
                "mask_padding",
                True,
                "leave padding out of the token level's softmax; the released code does not",
            )
        ],
        card=ADAPTIVE_POOLING,
    )


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "adaptive",
        "vsebench_plugins.adaptive.loss:Adaptive",
        params=[
            Param("tau", 0.05, "temperature: divides the scores", minimum=1e-4),
            Param("margin", 0.2, "added to the scores of negatives"),
            Param(
                "scale",
                1.25,
                "exponent of alignment + uniformity; a larger one anneals faster",
                minimum=1e-6,
            ),
            Param(
                "mode",
                "adaptive",
                "where the number of negatives comes from",
                choices=("adaptive", "constant", "random"),
            ),
            Param("const", 3, "negatives per query in mode constant", minimum=1),
            Param(
                "reference",
                False,
                "rank the pair's own score as a negative of 0, as the released code does",
            ),
        ],
        card=ADAPTIVE_LOSS,
    )
