"""Contrastive losses from outside the four reference methods: InfoNCE, SigLIP and selectively hard
negatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import LossCard, Paper, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

INFONCE = LossCard(
    "softmax cross-entropy of the positives against all negatives in the batch, both directions",
    paper=Paper(
        "Representation Learning with Contrastive Predictive Coding",
        2018,
        "https://arxiv.org/abs/1807.03748",
        where="InfoNCE, Eq. 4; symmetric over images and captions as in CLIP",
    ),
    notes=(
        (
            "The learned temperature and its bound are CLIP's (https://arxiv.org/abs/2103.00020, "
            "section 2)."
        ),
        (
            "Positives of one query do not compete with each other: its loss is the mean over "
            "them, each against the negatives."
        ),
    ),
    non_negative=True,
    reduction="mean",
)

SIGLIP = LossCard(
    "logistic loss of every pair in the batch, with a learned scale and bias",
    paper=Paper(
        "Sigmoid Loss for Language Image Pre-Training",
        2023,
        "https://arxiv.org/abs/2303.15343",
        venue="ICCV",
        where="section 3.2 and Algorithm 1",
    ),
    notes=("Pairs that the protocol's sibling mask marks as positive are labelled so.",),
    non_negative=True,
    reduction="mean",
)

SELHN = LossCard(
    "hinge of the hardest negative, or the mean of all hinges where that negative scores like the "
    "positive",
    paper=Paper(
        (
            "Selectively Hard Negative Mining for Alleviating Gradient Vanishing in Image-Text "
            "Matching"
        ),
        2023,
        "https://arxiv.org/abs/2303.00181",
        where="T-SelHN, with the constants and the reduction of the released code",
    ),
    notes=(
        "The diagnostic 'averaged' is the share of queries that average over all their negatives.",
    ),
    non_negative=True,
    reduction="mean",
)


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
        card=INFONCE,
    )
    register(
        "siglip",
        "vsebench_plugins.contrastive.losses:SigLIP",
        params=[
            Param("scale", 10.0, "initial factor of the scores (t)", minimum=1e-4),
            Param("bias", -10.0, "initial offset of the scores (b)"),
        ],
        card=SIGLIP,
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
        card=SELHN,
    )
