"""Pooling by rank: weighted sums of sorted features (K-max pooling, GPO), and the sorted values
themselves, for weights that differ by dimension or depend on the values.

The forms here are plain torch, for any device and dtype; the compiled ones are compared with them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import compiled_kernels_take, triton_kernels_take
from vsebench.kernels.sorting_network import LIMIT
from vsebench.kernels.valid_rows import valid_mask
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
    out: Tensor = _sum_operator(features, weights).apply(features, lengths, weights)  # type: ignore[no-untyped-call]
    return out


def _numba_takes_wider(features: Tensor) -> bool:
    """Whether to go through float32, which is exact: the kernel in numba has no narrower type."""
    return (
        features.device.type == "cpu"
        and features.dtype in (torch.bfloat16, torch.float16)
        and not torch.compiler.is_compiling()
        and allowed("numba")
    )


def _sum_operator(features: Tensor, weights: Tensor) -> type[torch.autograd.Function]:
    if features.shape[1] <= LIMIT and weights.dtype != torch.float64:
        if compiled_kernels_take(features):
            from vsebench.kernels.sorted_pooling_numba import NumbaSortedSum

            return NumbaSortedSum
        if triton_kernels_take(features):
            from vsebench.kernels.sorted_pooling_triton import TritonSortedSum

            return TritonSortedSum
    return TorchSortedSum


class TorchSortedSum(torch.autograd.Function):
    """`sorted_weighted_sum` by one stable sort along a contiguous axis."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        wide = torch.promote_types(
            torch.promote_types(features.dtype, weights.dtype), torch.float32
        )
        padding = ~valid_mask(lengths, features.shape[1])
        columns = features.transpose(1, 2).contiguous().masked_fill(padding[:, None], -math.inf)
        # Stable: a valid -inf stays ahead of the padding, so that gradients reach valid rows only.
        values, rows = columns.sort(dim=-1, descending=True, stable=True)
        values = values.masked_fill_(padding[:, None], 0).to(wide)
        kept = weights.masked_fill(padding, 0).to(wide)
        ctx.save_for_backward(values, rows, kept, padding)
        ctx.dtypes = features.dtype, weights.dtype
        with torch.autocast(features.device.type, enabled=False):
            return torch.bmm(values, kept[:, :, None]).squeeze(-1).to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        values, rows, kept, padding = ctx.saved_tensors
        features_dtype, weights_dtype = ctx.dtypes
        grad = grad.to(values.dtype)
        to_features = to_weights = None
        if ctx.needs_input_grad[0]:
            by_rank = (
                (grad[:, :, None] * kept[:, None])
                .masked_fill_(padding[:, None], 0)
                .to(features_dtype)
            )
            to_features = torch.empty_like(by_rank).scatter_(-1, rows, by_rank).transpose(1, 2)
        if ctx.needs_input_grad[2]:
            with torch.autocast(grad.device.type, enabled=False):
                to_weights = (
                    torch.bmm(grad[:, None], values)
                    .squeeze(1)
                    .masked_fill_(padding, 0)
                    .to(weights_dtype)
                )
        return to_features, None, to_weights


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
    out: Tensor = _values_operator(features).apply(features, lengths)  # type: ignore[no-untyped-call]
    return out


def _values_operator(features: Tensor) -> type[torch.autograd.Function]:
    if features.shape[1] <= LIMIT:
        if compiled_kernels_take(features):
            from vsebench.kernels.sorted_pooling_numba import NumbaSortedValues

            return NumbaSortedValues
        if triton_kernels_take(features):
            from vsebench.kernels.sorted_pooling_triton import TritonSortedValues

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
