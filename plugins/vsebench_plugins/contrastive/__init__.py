"""Contrastive losses from outside the four reference methods: InfoNCE, SigLIP and selectively hard
negatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.contrastive import cards

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "infonce",
        "vsebench_plugins.contrastive.losses:InfoNCE",
        params=[
            Param(
                "temperature",
                0.05,
                "divides the scores; the initial value when learned",
                minimum=1e-4,
            ),
            Param("learned", False, "learn the temperature"),
            Param("max_scale", 100.0, "upper bound of 1 / temperature when learned", minimum=1e-4),
            Param("margin", 0.0, "added to the scores of negatives"),
        ],
        card=cards.INFONCE,
    )
    register(
        "siglip",
        "vsebench_plugins.contrastive.losses:SigLIP",
        params=[
            Param("scale", 10.0, "initial factor of the scores (t)", minimum=1e-4),
            Param("bias", -10.0, "initial offset of the scores (b)"),
        ],
        card=cards.SIGLIP,
    )
    register(
        "selhn",
        "vsebench_plugins.contrastive.losses:SelHN",
        params=[
            Param("margin", 0.2, "margin of the hinge", minimum=0),
            Param(
                "epsilon",
                0.01,
                "closer than this to the positive, the hardest negative's gradient counts as "
                "vanishing",
                minimum=0,
            ),
        ],
        card=cards.SELHN,
    )
