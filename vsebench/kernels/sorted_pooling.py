"""Weighted sums of sorted features: the core of K-max pooling, GPO and everything else that pools
by rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.kernels.sorted_pooling_torch import TorchSortedSum
from vsebench.kernels.sorting_network import LIMIT

if TYPE_CHECKING:
    from torch import Tensor


def sorted_weighted_sum(features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
    """Sums each dimension's valid values, sorted in descending order, with the item's weights.

    `out[b, d] = sum_k weights[b, k] * (k-th largest of features[b, :lengths[b], d])`.

    Padding (rows and weights at `lengths[b]` and beyond) is never used, whatever it holds, and gets
    a gradient of exactly 0. Equal values share no gradient: they are ranked by row, and each gets
    the weight of its rank. A NaN among the valid values makes the sum NaN. Differentiable once, in
    `features` and `weights`.

    float32 on the CPU, up to 256 rows, takes a compiled kernel, about ten times as fast as sorting;
    everything else takes `torch.sort`. Both give the same order, and sums that differ by rounding.

    Args:
        features: [B, N, D], any floating dtype.
        lengths: int64 [B], 0..N; an item of length 0 gives zeros.
        weights: [B, N], any floating dtype.

    Returns:
        [B, D] in the dtype of `features`; computed in the wider of the two dtypes, float32 at
        least.
    """
    operator: type[torch.autograd.Function] = TorchSortedSum
    if (
        features.shape[1] <= LIMIT
        and weights.dtype != torch.float64
        and compiled_kernels_take(features)
    ):
        from vsebench.kernels import sorted_pooling_numba

        operator = sorted_pooling_numba.NumbaSortedSum
    out: Tensor = operator.apply(features, lengths, weights)  # type: ignore[no-untyped-call]
    return out
