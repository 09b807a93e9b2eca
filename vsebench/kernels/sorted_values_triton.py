"""Sorted features themselves on CUDA: the ranks of `sorted_pooling_triton`, with no sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable
from triton import language as tl

from vsebench.kernels.sorted_pooling_triton import (
    COLUMNS,
    GRADIENT_ROWS,
    ROWS,
    WARPS,
    length_of,
    rank_and_sum,
)
from vsebench.kernels.triton_jit import blocks, jit, launch

if TYPE_CHECKING:
    from torch import Tensor


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
