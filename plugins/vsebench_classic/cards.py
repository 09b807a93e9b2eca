"""Cards of the classic methods."""

from __future__ import annotations

from vsebench.plugin import Card, LossCard, Paper
from vsebench_classic import published

_VSE_INFINITY = "Learning the Best Pooling Strategy for Visual Semantic Embedding"
_VSE_INFINITY_URL = "https://arxiv.org/abs/2011.04305"


def _vse_infinity(where: str) -> Paper:
    return Paper(_VSE_INFINITY, 2021, _VSE_INFINITY_URL, venue="CVPR", where=where)


MEAN = Card(
    "mean of the valid features",
    paper=_vse_infinity("Table 1, AvgPool"),
    published=published.MEAN,
)

MAX = Card(
    "largest valid value of each dimension",
    paper=_vse_infinity("Table 1, best simple pooling for regions"),
    published=published.MAX,
)

MAXAVG = Card(
    "w · max + (1 − w) · mean",
    notes=("No paper fixes the mixture: w = 0.5 is this suite's choice.",),
)

KMAX = Card(
    "mean of the k largest valid values of each dimension",
    paper=_vse_infinity("Table 1, K-Max"),
    published=published.KMAX,
    notes=("k is min(k, length) for each item by itself; in the released helper a short item lowers k for later items of its batch.",),
)

DOT = Card("inner product of the embeddings (the cosine, as they are normalised)")

SUM_HINGE = LossCard(
    "sum of the hinges of all negatives in the batch, both directions (VSE0)",
    paper=Paper(
        "Unifying Visual-Semantic Embeddings with Multimodal Neural Language Models",
        2014,
        "https://arxiv.org/abs/1411.2539",
        where="pairwise ranking loss; the sum of hinges (SH) of VSE++",
    ),
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
)

RANDOM = Card("a fresh uniform permutation of the training captions each epoch")
