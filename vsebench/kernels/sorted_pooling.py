"""Weighted sums of sorted features: the core of K-max pooling, GPO and everything else that pools
by rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.compiled import compiled_kernels_take, triton_kernels_take
from vsebench.kernels.sorted_pooling_torch import TorchSortedSum
from vsebench.kernels.sorting_network import LIMIT
from vsebench.plugin.routes import allowed

if TYPE_CHECKING:
    from torch import Tensor


def sorted_weighted_sum(features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
    """Sums each dimension's valid values, sorted in descending order, with the item's weights.

    `out[b, d] = sum_k weights[b, k] * (k-th largest of features[b, :lengths[b], d])`.

    Padding (rows and weights at `lengths[b]` and beyond) is never used, whatever it holds, and gets
    a gradient of exactly 0. Equal values share no gradient: they are ranked by row, and each gets
    the weight of its rank. A NaN among the valid values makes the sum NaN. Differentiable once, in
    `features` and `weights`.

    Up to 256 rows take a compiled kernel: on the CPU one of numba's, about ten times as fast as
    sorting, in float32 for float32, bfloat16 and float16; on CUDA, for the same dtypes, one of
    Triton's. Everything else takes `torch.sort`. All give the same order, and sums that differ by
    rounding.

    Args:
        features: [B, N, D], any floating dtype.
        lengths: int64 [B], 0..N; an item of length 0 gives zeros.
        weights: [B, N], any floating dtype.

    Returns:
        [B, D] in the dtype of `features`; computed in the wider of the two dtypes, float32 at
        least.
    """
    if _numba_takes_wider(features):
        return sorted_weighted_sum(features.float(), lengths, weights).to(features.dtype)
    out: Tensor = _operator(features, weights).apply(features, lengths, weights)  # type: ignore[no-untyped-call]
    return out


def _numba_takes_wider(features: Tensor) -> bool:
    """Whether to go through float32, which is exact: the kernel in numba has no narrower type."""
    return (
        features.device.type == "cpu"
        and features.dtype in (torch.bfloat16, torch.float16)
        and not torch.compiler.is_compiling()
        and allowed("numba")
    )


def _operator(features: Tensor, weights: Tensor) -> type[torch.autograd.Function]:
    if features.shape[1] <= LIMIT and weights.dtype != torch.float64:
        if compiled_kernels_take(features):
            from vsebench.kernels.sorted_pooling_numba import NumbaSortedSum

            return NumbaSortedSum
        if triton_kernels_take(features):
            from vsebench.kernels.sorted_pooling_triton import TritonSortedSum

            return TritonSortedSum
    return TorchSortedSum
