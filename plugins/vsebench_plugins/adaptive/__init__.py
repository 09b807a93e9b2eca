"""Adaptive Pooling and the adaptive objective of the EACL 2023 paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import LossCard, Paper, Param, PoolingCard, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

ADAPTIVE_POOLING = PoolingCard(
    "gated sum of two softmax poolings over sorted values: weights from the values themselves and "
    "from a linear map of them",
    paper=Paper(
        "Improving Visual-Semantic Embedding with Adaptive Pooling and Optimization Objective",
        2023,
        "https://arxiv.org/abs/2210.02206",
        venue="EACL",
        where="Adaptive Pooling; modules/adcap.py of https://github.com/96-Zachary/vse_2ad",
    ),
    notes=(
        (
            "No published figures: the paper's tables could not be checked. Its introduction "
            "claims 1.4 % more RSUM on COCO and 1.0 % on Flickr30K than before."
        ),
        (
            "The released code lets padding take weight in one branch; mask_padding=false "
            "reproduces that, and embeddings then depend on their batch."
        ),
        "1,050,625 parameters for each tower at D = 1024.",
    ),
    order_free=True,
    graphs=1,
    kernels=("sorted_values", "softmax_weighted_sum"),
)


ADAPTIVE_LOSS = LossCard(
    "InfoNCE with a margin over the n hardest negatives, n falling from about half the batch to 1 "
    "as pairs align (ADCTO)",
    paper=Paper(
        "Improving Visual-Semantic Embedding with Adaptive Pooling and Optimization Objective",
        2023,
        "https://arxiv.org/abs/2210.02206",
        venue="EACL",
        where="the adaptive objective, with the constants that the released code trains with",
    ),
    notes=(
        (
            "No published figures: the paper's tables could not be checked. Its introduction "
            "claims 1.4 % more RSUM on COCO and 1.0 % on Flickr30K than before."
        ),
        (
            "The released code may pick a pair as a negative of itself; by default positives "
            "never are. reference=true does as released, without the sibling mask."
        ),
        (
            "The diagnostic 'contributing' is the mean number of negatives per query whose "
            "softmax probability exceeds 0.001."
        ),
        (
            "Where the paper's statistics add up to less than 0, outside their intended range, n "
            "is B − 1."
        ),
    ),
    non_negative=True,
    reduction="mean",
)


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
