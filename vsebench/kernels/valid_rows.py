"""The valid rows of a padded batch: their mask, and the rows one after the other, for row-wise
computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from torch import Tensor


def valid_mask(lengths: Tensor, n: int) -> Tensor:
    """Bool [B, n] for `lengths` int64 [B]: true where a position is below its item's length."""
    return torch.arange(n, device=lengths.device) < lengths[:, None]


def valid_rows(features: Tensor, lengths: Tensor) -> Tensor:
    """The rows of `features` [B, N, D] for row-wise computation.

    On the CPU they are the valid ones alone, [R, D] item by item, R the sum of `lengths` int64 [B].
    Elsewhere the host would have to wait for the device to learn R: there it is the whole batch
    [B, N, D], zero beyond an item's length. What padding holds reaches neither, and it gets a
    gradient of 0.
    """
    mask = valid_mask(lengths, features.shape[1])
    if features.device.type != "cpu" or torch.compiler.is_compiling():
        return torch.where(mask[:, :, None], features, 0)
    out: Tensor = _Packed.apply(features, mask.flatten().nonzero().squeeze(1))  # type: ignore[no-untyped-call]
    return out


def padded_rows(rows: Tensor, lengths: Tensor, n: int | None = None) -> Tensor:
    """Results computed from `valid_rows`, as [B, n, D].

    Args:
        rows: [R, D], or as many more rows as were added to round their number up, which are
            dropped and get a gradient of 0; or [B, n, D], which is returned.
        lengths: int64 [B].
        n: padded length, by default the largest of `lengths`.

    Returns:
        The rows; zero beyond an item's length where `rows` was a matrix.
    """
    if rows.ndim == 3:
        return rows
    if n is None:
        n = max(lengths.tolist(), default=0)
    mask = valid_mask(lengths, n)
    flat: Tensor = _Unpacked.apply(rows, mask.flatten().nonzero().squeeze(1), mask.numel())  # type: ignore[no-untyped-call]
    return flat.view(*mask.shape, rows.shape[1])


class _Packed(torch.autograd.Function):
    """Rows at an index of distinct places, of a batch."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.shape = features.shape
        return features.reshape(-1, features.shape[2]).index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        out = grad.new_zeros(ctx.shape)
        out.view(-1, ctx.shape[2]).index_copy_(0, index, grad)
        return out, None


class _Unpacked(torch.autograd.Function):
    """Rows put to an index of distinct places, zeros elsewhere; rows beyond the index are
    dropped.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, count: int) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = len(rows)
        out = rows.new_zeros(count, rows.shape[1])
        return out.index_copy_(0, index, rows[: len(index)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        out = grad.new_empty(ctx.rows, grad.shape[1])
        torch.index_select(grad, 0, index, out=out[: len(index)])
        out[len(index) :] = 0
        return out, None, None
