"""Attention pooling by a layer of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Paper, Param, PoolingCard, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

CARD = PoolingCard(
    "one learned query attends over the features with several heads (torch.nn.MultiheadAttention)",
    paper=Paper(
        "Set Transformer: A Framework for Attention-based Permutation-Invariant Neural Networks",
        2019,
        "https://arxiv.org/abs/1810.00825",
        venue="ICML",
        where="Section 3.2, PMA with k = 1",
    ),
    notes=("Without the paper's feed-forward layers, residual connections and layer norms.",),
    order_free=True,
    graphs=1,
)


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "pma",
        "vsebench_pma.pooling:PMA",
        params=[Param("heads", 4, "attention heads; they divide the embedding size", minimum=1)],
        card=CARD,
    )
