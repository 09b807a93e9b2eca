"""Poolings with learnt parameters that the papers compare with, and the simple ones that take a
position or weigh by softmax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.learned import cards

if TYPE_CHECKING:
    from vsebench.plugin import Register

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
    register("first", "vsebench_plugins.learned.positions:First", card=cards.FIRST)
    register("last", "vsebench_plugins.learned.positions:Last", card=cards.LAST)
    register(
        "gem",
        "vsebench_plugins.learned.gem:GeM",
        params=[
            Param("p", 3.0, "initial exponent", minimum=1, maximum=100),
            Param("eps", 1e-6, "smaller values count as this", minimum=1e-12),
        ],
        card=cards.GEM,
    )
    register(
        "fspool",
        "vsebench_plugins.learned.fspool:FSPool",
        params=[Param("pieces", 20, "linear pieces of the weights", minimum=1)],
        card=cards.FSPOOL,
    )
    register("softmax", "vsebench_plugins.learned.attention:Softmax", card=cards.SOFTMAX)
    register("selfattn", "vsebench_plugins.learned.attention:SelfAttention", card=cards.SELFATTN)
    register("seq2seq", "vsebench_plugins.learned.recurrent:Seq2Seq", card=cards.SEQ2SEQ)
    register("esa", "vsebench_plugins.learned.attention:ESA", card=cards.ESA)
    register(
        "gcn-mean", "vsebench_plugins.learned.graph:GCNMean", params=[*_GRAPH], card=cards.GCN_MEAN
    )
    register(
        "gcn-seq2seq",
        "vsebench_plugins.learned.graph:GCNSeq2Seq",
        params=[*_GRAPH, _STATE_NORM],
        card=cards.GCN_SEQ2SEQ,
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
        card=cards.COMBO,
    )
