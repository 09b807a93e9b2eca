"""The scores of GPO's generator, a bidirectional GRU over all prefixes of one sequence and a linear
map of its states, in compiled form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.compiled import compiled_kernels_take, triton_kernels_take
from vsebench.kernels.sorting_network import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ("compiled_prefix_scores",)


def compiled_prefix_scores(rows: Tensor, head: Tensor, weights: Sequence[Tensor]) -> Tensor | None:
    """The scores of the prefixes of 1, …, N rows, the means over both directions; zero beyond a
    prefix. Differentiable once.

    numba takes float32 on the CPU; Triton float32 on CUDA, one score per state, for at most 256
    rows and states of at most 64.

    Args:
        rows: [N, I].
        head: [C, H], from states to scores.
        weights: weights of the forward and then of the backward direction, each as in
            `torch.nn.GRU`: inputs to gates, states to gates, and the biases of both.

    Returns:
        [N, N, C] (length − 1, rank, score); None where no compiled form applies.
    """
    scores: Tensor
    if compiled_kernels_take(rows):
        from vsebench.kernels.prefix_scores_numba import NumbaPrefixScores

        scores = NumbaPrefixScores.apply(rows, head, *weights)  # type: ignore[no-untyped-call]
        return scores
    if (
        rows.dtype == torch.float32
        and len(head) == 1
        and len(rows) <= LIMIT
        and triton_kernels_take(rows)
    ):
        from vsebench.kernels.prefix_scores_triton import WIDEST, triton_prefix_scores

        if head.shape[1] <= WIDEST:
            return triton_prefix_scores(rows, head, *weights)
    return None
