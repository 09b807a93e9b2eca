"""Sorted features themselves, for poolings whose weights differ by dimension or depend on the
values.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import compiled_kernels_take, triton_kernels_take
from vsebench.kernels.sorting_network import LIMIT
from vsebench.kernels.valid_rows import valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def sorted_values(features: Tensor, lengths: Tensor) -> Tensor:
    """Each dimension's valid values in descending order, then zeros.

    Padding (rows at `lengths[b]` and beyond) is never used, whatever it holds, and gets a gradient
    of exactly 0. Equal values are ranked by row. Differentiable once. `sorted_weighted_sum` is
    faster where one weight serves all dimensions.

    Args:
        features: [B, N, D], any floating dtype.
        lengths: int64 [B], 0..N.

    Returns:
        [B, N, D] in the dtype of `features`.
    """
    out: Tensor = _operator(features).apply(features, lengths)  # type: ignore[no-untyped-call]
    return out


def _operator(features: Tensor) -> type[torch.autograd.Function]:
    if features.shape[1] <= LIMIT:
        if compiled_kernels_take(features):
            from vsebench.kernels.sorted_values_numba import NumbaSortedValues

            return NumbaSortedValues
        if triton_kernels_take(features):
            from vsebench.kernels.sorted_values_triton import TritonSortedValues

            return TritonSortedValues
    return TorchSortedValues


class TorchSortedValues(torch.autograd.Function):
    """`sorted_values` by one stable sort along a contiguous axis."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        padding = ~valid_mask(lengths, features.shape[1])[:, None]
        columns = features.transpose(1, 2).contiguous().masked_fill(padding, -math.inf)
        # Stable: a valid -inf stays ahead of the padding.
        values, rows = columns.sort(dim=-1, descending=True, stable=True)
        ctx.save_for_backward(rows, padding)
        return values.masked_fill_(padding, 0).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        rows, padding = ctx.saved_tensors
        by_rank = grad.transpose(1, 2).masked_fill(padding, 0)
        return torch.empty_like(by_rank).scatter_(-1, rows, by_rank).transpose(1, 2), None
