"""Poolings with learnt parameters that the papers compare with, and the simple ones that take a
position or weigh by softmax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, Paper, Param, PoolingCard, hookimpl
from vsebench_plugins.learned import published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar

_URL = "https://arxiv.org/abs/2011.04305"


def _vse_infinity(where: str) -> Paper:
    return Paper(
        "Learning the Best Pooling Strategy for Visual Semantic Embedding",
        2021,
        _URL,
        venue="CVPR",
        where=where,
    )


FIRST = PoolingCard(
    "the first row: the [CLS] token of a transformer",
    paper=_vse_infinity("Section 5.2, CLS aggregator"),
    published=published.FIRST,
    notes=("For BERT the supplement's Table 1 gives 73.8, probably without size augmentation.",),
    graphs=1,
)

LAST = PoolingCard(
    "the last valid row: the final state of a forward RNN",
    paper=Paper(
        "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives",
        2018,
        "https://arxiv.org/abs/1707.05612",
        venue="BMVC",
        where="text encoder",
    ),
    graphs=1,
)

GEM = PoolingCard(
    "generalised mean with one learnt exponent",
    paper=Paper(
        "Fine-tuning CNN Image Retrieval with No Human Annotation",
        2018,
        "https://arxiv.org/abs/1711.02512",
        venue="TPAMI",
        where="generalized-mean pooling",
    ),
    published=published.GEM,
    notes=(
        (
            "VSE-infinity reports NaN for regions with a BiGRU; here p stays within 1..100 and "
            "powers are taken in the logarithmic domain, which keeps it finite."
        ),
        (
            "Values below eps count as eps and get no gradient: of signed features only the "
            "positive part is pooled."
        ),
    ),
    order_free=True,
    graphs=1,
)

FSPOOL = PoolingCard(
    "sorted values of each dimension, weighted by a learnt piecewise linear function of rank",
    paper=Paper(
        "FSPool: Learning Set Representations with Featurewise Sort Pooling",
        2020,
        "https://arxiv.org/abs/1906.02795",
        venue="ICLR",
        where="Section 3",
    ),
    published=published.FSPOOL,
    notes=("VSE-infinity does not say how many pieces it used.",),
    order_free=True,
    graphs=1,
    kernels=("sorted_values",),
)

SOFTMAX = PoolingCard(
    "each dimension's values weighted by their own softmax",
    paper=Paper(
        "Improving Visual-Semantic Embedding with Adaptive Pooling and Optimization Objective",
        2023,
        "https://arxiv.org/abs/2210.02206",
        venue="EACL",
        where="the embedding-level branch of Adaptive Pooling, alone",
    ),
    order_free=True,
    graphs=1,
    kernels=("softmax_weighted_sum",),
)

SELFATTN = PoolingCard(
    "one head of self-attention over the rows, then their mean",
    paper=_vse_infinity("Table 1, SelfAttn"),
    published=published.SELFATTN,
    notes=(
        (
            "No code of it was released: this form has the 3.2M parameters of Table 1 (3,148,800 "
            "at D = 1024)."
        ),
    ),
    order_free=True,
    graphs=1,
)

SEQ2SEQ = Card(
    "last state of a GRU over the rows",
    paper=_vse_infinity("Table 1, Seq2Seq"),
    published=published.SEQ2SEQ,
    notes=(
        (
            "No code of it was released: this form has the 6.3M parameters of Table 1 (6,297,600 "
            "at D = 1024)."
        ),
        "The result depends on the order of the rows.",
    ),
)

ESA = PoolingCard(
    "per-dimension softmax over positions of a linear map of the features",
    notes=(
        (
            "The control of Adaptive Pooling's token-level branch: the same number of parameters, "
            "without sorting and ReLU."
        ),
    ),
    order_free=True,
    graphs=1,
    kernels=("softmax_weighted_sum",),
)

_GRAPH_NOTES = (
    (
        "A layer is VSRN's (https://arxiv.org/abs/1909.02701): X + W_r (R g(X)) with R[i, j] = "
        "θ(x_i) · φ(x_j) / n, 4 (D² + D) parameters."
    ),
    (
        "VSRN's code also has batch normalisation in each layer (batch_norm=true; its gain starts "
        "at 0) and scales each dimension to L2 norm 1 over the regions (region_l2=both on MS-COCO, "
        "after on Flickr30K)."
    ),
    (
        "With batch normalisation an item depends on its batch in training, which breaks the "
        "promise items_do_not_meet_in_training; in evaluation it does not. Statistics are over "
        "valid rows."
    ),
)

GCN_MEAN = PoolingCard(
    "graph convolution over the rows, then their mean",
    paper=_vse_infinity("Table 1, GCN+AvgPool"),
    published=published.GCN_MEAN,
    notes=(
        *_GRAPH_NOTES,
        (
            "No code of it was released: one layer has the 4.2M parameters of Table 1 (4,198,400 "
            "at D = 1024)."
        ),
    ),
    order_free=True,
    graphs=1,
)

GCN_SEQ2SEQ = Card(
    "graph convolution over the rows, then the last state of a GRU",
    paper=_vse_infinity("Table 1, GCN+Seq2Seq"),
    published=published.GCN_SEQ2SEQ,
    notes=(
        *_GRAPH_NOTES,
        (
            "Table 1 gives 23.1M parameters: layers=4, as VSRN stacks, has 23,091,200 at D = "
            "1024; one layer has 10,496,000."
        ),
        "On Flickr30K VSRN normalises the last state over the batch, too (state_norm=true).",
        "The result depends on the order of the rows.",
    ),
)


def _combines_sets(params: Mapping[str, Scalar]) -> bool:
    """Whether no pooling of the combination takes a position."""
    return not {"first", "last"} & set(str(params["of"]).split("+"))


COMBO = PoolingCard(
    "learnt convex combination of simple poolings",
    paper=Paper(
        "Improving Visual-Semantic Embedding with Adaptive Pooling and Optimization Objective",
        2023,
        "https://arxiv.org/abs/2210.02206",
        venue="EACL",
        where="abstract: combinations of simple poolings are no worse than sophisticated ones",
    ),
    notes=(
        (
            "The paper's own combinations are not followed: the weights, shared by all "
            "dimensions, are this suite's choice."
        ),
    ),
    order_free=_combines_sets,
    graphs=1,
)


_GRAPH = (
    Param("layers", 1, "graph convolutions", minimum=1),
    Param("batch_norm", False, "batch normalisation in each graph convolution, as in VSRN"),
    Param(
        "region_l2",
        "none",
        "each dimension scaled to L2 norm 1 over an item's rows: after the graph convolutions, or "
        "before and after them",
        choices=("none", "after", "both"),
    ),
)
_STATE_NORM = Param("state_norm", False, "batch normalisation of the GRU's last state")


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register("first", "vsebench_plugins.learned.rows:First", card=FIRST)
    register("last", "vsebench_plugins.learned.rows:Last", card=LAST)
    register(
        "gem",
        "vsebench_plugins.learned.gem:GeM",
        params=[
            Param("p", 3.0, "initial exponent", minimum=1, maximum=100),
            Param("eps", 1e-6, "smaller values count as this", minimum=1e-12),
        ],
        card=GEM,
    )
    register(
        "fspool",
        "vsebench_plugins.learned.fspool:FSPool",
        params=[Param("pieces", 20, "linear pieces of the weights", minimum=1)],
        card=FSPOOL,
    )
    register("softmax", "vsebench_plugins.learned.attention:Softmax", card=SOFTMAX)
    register("selfattn", "vsebench_plugins.learned.attention:SelfAttention", card=SELFATTN)
    register("seq2seq", "vsebench_plugins.learned.rows:Seq2Seq", card=SEQ2SEQ)
    register("esa", "vsebench_plugins.learned.attention:ESA", card=ESA)
    register("gcn-mean", "vsebench_plugins.learned.graph:GCNMean", params=[*_GRAPH], card=GCN_MEAN)
    register(
        "gcn-seq2seq",
        "vsebench_plugins.learned.graph:GCNSeq2Seq",
        params=[*_GRAPH, _STATE_NORM],
        card=GCN_SEQ2SEQ,
    )
    register(
        "combo",
        "vsebench_plugins.learned.combination:Combo",
        params=[
            Param(
                "of",
                "mean+max+kmax",
                "simple poolings, joined by '+': mean, max, kmax, softmax, first, last",
            ),
            Param("k", 5, "how many of the largest values kmax averages", minimum=1),
        ],
        card=COMBO,
    )
