"""Card of the adaptive objective."""

from __future__ import annotations

from vsebench.plugin import LossCard, Paper

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
