"""Sorted pooling on CUDA: ranks by counting, for float32, bfloat16 and float16.

A program takes `COLUMNS` dimensions of an item, a thread for each. It compares each of `ROWS` rows
with every valid row: the number of those that come before it is its rank, and its value goes where
its rank says. No value moves before its place is known, threads never meet, and the work follows an
item's length, not the batch's longest. A sorting network would have to move values and rows
together in registers, takes seconds to compile, and has a size that is a power of two.

Ties are broken by row and NaN comes first, so that the order is that of a stable `torch.sort`. What
the backward pass needs is kept as the sorted values and one byte per value for its rank.
`sorted_values` takes the same ranks, with no sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable
from triton import language as tl

from vsebench.kernels.triton_jit import blocks, jit, launch

if TYPE_CHECKING:
    from torch import Tensor

ROWS, COLUMNS, WARPS = 16, 128, 4
GRADIENT_ROWS = 8
"""Rows of a program of a backward pass: an item's rows are spread over programs there."""


@jit
def position(values: tl.tensor, row: tl.tensor) -> tl.tensor:
    """Distinct integers that are in descending order as the values are, equal values by row.

    float32 takes 32 bits and the row 8 more. bfloat16 and float16 have 19 bits that count when they
    are written as float32, so that theirs fit 32.
    """
    wide = values.to(tl.float32) + 0.0  # -0 becomes 0, its equal
    bits = wide.to(tl.int32, bitcast=True)
    ordered = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    ordered = tl.where(wide != wide, 0x7FFFFFFF, ordered)  # NaN
    if values.dtype == tl.float32:
        key = (ordered.to(tl.int64) << 8) - row
    else:
        key = ((ordered >> 13) << 8) - row
    return key


@jit
def length_of(lengths: tl.tensor, item: tl.tensor, n: tl.tensor) -> tl.tensor:
    """An item's valid rows, within 0..n."""
    return tl.minimum(tl.maximum(tl.load(lengths + item).to(tl.int32), 0), n)


@jit(any_size=("n", "dim"))  # so that a thread has whole columns
def rank_and_sum(
    features: tl.tensor,
    lengths: tl.tensor,
    weights: tl.tensor,
    out: tl.tensor,
    values: tl.tensor,
    ranks: tl.tensor,
    n: tl.tensor,
    dim: tl.tensor,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Fills what is not None: `out` [B, D] with the sums of the sorted valid values of `features`
    [B, N, D], weighted by `weights` [B, N]; `values` [B, N, D] with the sorted values, then zeros;
    `ranks` uint8 [B, N, D] with the rank of each valid row's value.
    """
    item = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    exists = column < dim
    length = length_of(lengths, item, n)
    first = item * n * dim
    total = tl.zeros([COLUMNS], tl.float32)
    for start in range(0, length, ROWS):
        row = start + tl.arange(0, ROWS)
        inside = (row < length)[:, None] & exists[None, :]
        at = first + row[:, None] * dim + column[None, :]
        own = tl.load(features + at, mask=inside, other=0.0)
        key = position(own, row[:, None])
        rank = tl.zeros([ROWS, COLUMNS], tl.int32)
        for j in range(length):
            other = tl.load(features + first + j * dim + column, mask=exists, other=0.0)
            # The sign of a difference takes fewer instructions than a comparison and an addition
            behind = key - position(other, j)[None, :]
            if own.dtype == tl.float32:
                rank += (behind.to(tl.uint64, bitcast=True) >> 63).to(tl.int32)
            else:
                rank += (behind.to(tl.uint32, bitcast=True) >> 31).to(tl.int32)
        if out is not None:
            weight = tl.load(weights + item * n + rank, mask=inside, other=0.0)
            total += tl.sum(weight.to(tl.float32) * own.to(tl.float32), axis=0)
        if values is not None:
            tl.store(values + first + rank * dim + column[None, :], own, mask=inside)
        if ranks is not None:
            tl.store(ranks + at, rank.to(tl.uint8), mask=inside)
    if out is not None:
        tl.store(out + item * dim + column, total, mask=exists)
    if values is not None:
        for start in range(length, n, ROWS):
            row = start + tl.arange(0, ROWS)
            at = first + row[:, None] * dim + column[None, :]
            nothing = tl.zeros([ROWS, COLUMNS], tl.float32)
            tl.store(values + at, nothing, mask=(row < n)[:, None] & exists[None, :])


@jit
def sum_gradients(
    grad: tl.tensor,
    lengths: tl.tensor,
    weights: tl.tensor,
    values: tl.tensor,
    ranks: tl.tensor,
    to_features: tl.tensor,
    to_weights: tl.tensor,
    n: tl.tensor,
    dim: tl.tensor,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Fills what is not None: `to_features` [B, N, D] and `to_weights` [B, N] with the gradients
    from `grad` [B, D] of the sums, 0 for padding, by what `rank_and_sum` kept.
    """
    item = tl.program_id(0).to(tl.int64)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    valid = row < length_of(lengths, item, n)
    first = item * n * dim
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    for start in range(0, dim, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        exists = (column < dim)[None, :]
        inside = valid[:, None] & exists
        at = first + row[:, None] * dim + column[None, :]
        gradient = tl.load(grad + item * dim + column, mask=column < dim, other=0.0)
        gradient = gradient.to(tl.float32)[None, :]
        if to_features is not None:
            rank = tl.load(ranks + at, mask=inside, other=0).to(tl.int32)
            weight = tl.load(weights + item * n + rank, mask=inside, other=0.0).to(tl.float32)
            own = tl.where(inside, weight * gradient, 0.0)
            tl.store(to_features + at, own, mask=(row < n)[:, None] & exists)
        if to_weights is not None:
            value = tl.load(values + at, mask=inside, other=0.0).to(tl.float32)
            total += tl.where(inside, value * gradient, 0.0)
    if to_weights is not None:
        tl.store(to_weights + item * n + row, tl.sum(total, axis=1), mask=row < n)


class TritonSortedSum(torch.autograd.Function):
    """`sorted_weighted_sum` by Triton's kernels: one launch forward, one backward."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        features, lengths, weights = (x.contiguous() for x in (features, lengths, weights))
        batch, n, dim = features.shape
        out = features.new_empty(batch, dim)
        ranks = torch.empty_like(features, dtype=torch.uint8) if ctx.needs_input_grad[0] else None
        values = torch.empty_like(features) if ctx.needs_input_grad[2] else None
        launch(
            rank_and_sum,
            (batch, blocks(dim, COLUMNS)),
            *(features, lengths, weights, out, values, ranks, n, dim),
            ROWS=ROWS,
            COLUMNS=COLUMNS,
            num_warps=WARPS,
        )
        ctx.save_for_backward(lengths, weights, values, ranks)
        ctx.shape, ctx.dtype = features.shape, features.dtype
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        lengths, weights, values, ranks = ctx.saved_tensors
        batch, n, dim = ctx.shape
        to_features = None if ranks is None else grad.new_empty(ctx.shape, dtype=ctx.dtype)
        to_weights = None if values is None else torch.empty_like(weights)
        launch(
            sum_gradients,
            (batch, blocks(n, GRADIENT_ROWS)),
            *(grad.contiguous(), lengths, weights, values, ranks, to_features, to_weights, n, dim),
            ROWS=GRADIENT_ROWS,
            COLUMNS=COLUMNS,
            num_warps=WARPS,
        )
        return to_features, None, to_weights


@jit
def values_gradient(
    grad: tl.tensor,
    lengths: tl.tensor,
    ranks: tl.tensor,
    to_features: tl.tensor,
    n: tl.tensor,
    dim: tl.tensor,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Fills `to_features` [B, N, D] with what `grad` [B, N, D] holds at each valid row's rank, 0
    for padding.
    """
    item = tl.program_id(0).to(tl.int64)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    exists = (column < dim)[None, :]
    inside = (row < length_of(lengths, item, n))[:, None] & exists
    first = item * n * dim
    at = first + row[:, None] * dim + column[None, :]
    rank = tl.load(ranks + at, mask=inside, other=0).to(tl.int32)
    gradient = tl.load(grad + first + rank * dim + column[None, :], mask=inside, other=0.0)
    tl.store(to_features + at, gradient, mask=(row < n)[:, None] & exists)


class TritonSortedValues(torch.autograd.Function):
    """`sorted_values` by Triton's kernels: one launch forward, one backward."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        features, lengths = features.contiguous(), lengths.contiguous()
        batch, n, dim = features.shape
        values = torch.empty_like(features)
        ranks = torch.empty_like(features, dtype=torch.uint8) if ctx.needs_input_grad[0] else None
        launch(
            rank_and_sum,
            (batch, blocks(dim, COLUMNS)),
            *(features, lengths, None, None, values, ranks, n, dim),
            ROWS=ROWS,
            COLUMNS=COLUMNS,
            num_warps=WARPS,
        )
        ctx.save_for_backward(lengths, ranks)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        lengths, ranks = ctx.saved_tensors
        batch, n, dim = grad.shape
        to_features = torch.empty_like(grad, memory_format=torch.contiguous_format)
        launch(
            values_gradient,
            (batch, blocks(n, GRADIENT_ROWS), blocks(dim, COLUMNS)),
            *(grad.contiguous(), lengths, ranks, to_features, n, dim),
            ROWS=GRADIENT_ROWS,
            COLUMNS=COLUMNS,
            num_warps=WARPS,
        )
        return to_features, None
