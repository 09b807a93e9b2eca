"""Cards of the classic methods: sources and published figures."""

from __future__ import annotations

from vsebench.plugin import Card, LossCard, Paper, Published

_VSE_INFINITY = "Learning the Best Pooling Strategy for Visual Semantic Embedding"
_VSE_INFINITY_URL = "https://arxiv.org/abs/2011.04305"
_GRID_SEARCH = "coco 1k-5fold, BUTD regions + BiGRU, size augmentation, the same pooling on both sides"


def _vse_infinity(where: str) -> Paper:
    return Paper(_VSE_INFINITY, 2021, _VSE_INFINITY_URL, venue="CVPR", where=where)


MEAN = Card(
    "mean of the valid features",
    paper=_vse_infinity("Table 1, AvgPool"),
    published=(
        Published(
            "coco 1k-5fold, BUTD regions + BiGRU (VSE++ with regions)",
            {"i2t_r1": 68.5, "i2t_r5": 92.6, "i2t_r10": 97.1, "t2i_r1": 54.0, "t2i_r5": 85.6, "t2i_r10": 92.7, "rsum": 490.5},
            f"{_VSE_INFINITY_URL}, supplement, Table 4",
        ),
        Published(
            "flickr30k, BUTD regions + BiGRU (VSE++ with regions)",
            {"i2t_r1": 62.2, "i2t_r5": 86.6, "i2t_r10": 92.3, "t2i_r1": 45.7, "t2i_r5": 73.6, "t2i_r10": 81.9, "rsum": 442.3},
            f"{_VSE_INFINITY_URL}, supplement, Table 4",
        ),
        Published(_GRID_SEARCH, {"rsum": 491.6}, f"{_VSE_INFINITY_URL}, Figure 6, K = N"),
    ),
)

MAX = Card(
    "largest valid value of each dimension",
    paper=_vse_infinity("Table 1, best simple pooling for regions"),
    published=(
        Published("coco 1k-5fold, BUTD regions, image side only, no size augmentation", {"i2t_r1": 74.5, "t2i_r1": 60.7}, f"{_VSE_INFINITY_URL}, Table 1"),
        Published(_GRID_SEARCH, {"rsum": 518.5}, f"{_VSE_INFINITY_URL}, Figure 6, K = 1"),
    ),
)

MAXAVG = Card(
    "w · max + (1 − w) · mean",
    notes=("No paper fixes the mixture: w = 0.5 is this suite's choice.",),
)

KMAX = Card(
    "mean of the k largest valid values of each dimension",
    paper=_vse_infinity("Table 1, K-Max"),
    published=(
        Published("coco 1k-5fold, BUTD grid, image side only, k = 20, no size augmentation", {"i2t_r1": 76.3, "t2i_r1": 61.6}, f"{_VSE_INFINITY_URL}, Table 1"),
        Published(f"{_GRID_SEARCH}, k = 5", {"rsum": 516.2}, f"{_VSE_INFINITY_URL}, Figure 6, K = 5"),
    ),
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
    published=(
        Published(
            "coco 1k-5fold, ResNet-152 + GRU",
            {"i2t_r1": 64.6, "i2t_r5": 90.0, "i2t_r10": 95.7, "t2i_r1": 52.0, "t2i_r5": 84.3, "t2i_r10": 92.0, "rsum": 478.6},
            f"cited in {_VSE_INFINITY_URL}, supplement, Table 4",
        ),
        Published(
            "flickr30k, ResNet-152 + GRU",
            {"i2t_r1": 52.9, "i2t_r5": 80.5, "i2t_r10": 87.2, "t2i_r1": 39.6, "t2i_r5": 70.1, "t2i_r10": 79.5, "rsum": 409.8},
            f"cited in {_VSE_INFINITY_URL}, supplement, Table 4",
        ),
    ),
)

RANDOM = Card("a fresh uniform permutation of the training captions each epoch")
