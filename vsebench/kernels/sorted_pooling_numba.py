"""Sorted pooling in one pass over the features: a sorting network across the feature axis, for
float32 on the CPU.

A block of `LANES` dimensions is copied to a buffer that fits the first-level cache, sorted there
along with the rows that its values came from, and summed with the weights. Ties are broken by row,
so that the order is the one of a stable sort. What the backward pass needs is kept as the sorted
values and one byte per value for its row. `sorted_values` is the same without the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.jit import jit
from vsebench.kernels.sorting_network import networks

if TYPE_CHECKING:
    from torch import Tensor

LANES = 64


@jit
def sort_block(
    block: np.ndarray, origin: np.ndarray, n: np.uint64, pairs: np.ndarray, start: np.ndarray
) -> None:
    """Sorts each column of the first n rows of `block` [N, LANES] in descending order, and `origin`
    uint8 [N, LANES] along with it.
    """
    network = 0
    while 2 << network < n:
        network += 1
    for p in range(start[network], start[network + 1]):
        if pairs[p, 1] >= n:
            continue
        upper, lower = block[pairs[p, 0]], block[pairs[p, 1]]
        upper_row, lower_row = origin[pairs[p, 0]], origin[pairs[p, 1]]
        for d in range(LANES):
            u, v, s, t = upper[d], lower[d], upper_row[d], lower_row[d]
            swap = (u < v) | ((u == v) & (s > t))
            upper[d] = v if swap else u
            lower[d] = u if swap else v
            upper_row[d] = t if swap else s
            lower_row[d] = s if swap else t


@jit
def load_block(
    features: np.ndarray,
    b: int,
    d0: int,
    width: int,
    n: np.uint64,
    block: np.ndarray,
    origin: np.ndarray,
) -> None:
    """Copies `width` dimensions from `d0` on of the first n rows of item b to `block` [N, LANES],
    and numbers the rows in `origin`.
    """
    for i in range(n):
        source = features[b, i, d0 : d0 + width]
        for d in range(width):
            block[i, d] = source[d]
        for d in range(LANES):
            origin[i, d] = i


@jit
def store_block(
    block: np.ndarray, out: np.ndarray, b: int, d0: int, width: int, n: np.uint64
) -> None:
    """Copies the first n rows of `block` [N, LANES] to `width` dimensions from `d0` on of item b of
    `out` [B, N, D].
    """
    for i in range(n):
        target = out[b, i, d0 : d0 + width]
        for d in range(width):
            target[d] = block[i, d]


@jit
def clear_padding(out: np.ndarray, b: int, n: np.uint64) -> None:
    """Zeros the rows from n on of item b of `out` [B, N, D]."""
    for i in range(n, out.shape[1]):
        for d in range(out.shape[2]):
            out[b, i, d] = 0


@jit(fastmath={"contract"})
def sort_and_sum(
    features: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray,
    pairs: np.ndarray,
    start: np.ndarray,
    out: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Fills `out` [B, D] with the weighted sums of the sorted valid values of `features` [B, N, D].

    Also fills, unless they are empty, `values` [B, N, D] with the sorted values and `rows` uint8
    [B, N, D] with the row of each; positions beyond an item's length are left as they are. `pairs`
    and `start` are `networks()`.
    """
    batch, n_max, dim = features.shape
    block = np.zeros((n_max, LANES), np.float32)
    origin = np.zeros((n_max, LANES), np.uint8)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            load_block(features, b, d0, width, n, block, origin)
            sort_block(block, origin, n, pairs, start)
            total = out[b, d0 : d0 + width]
            for d in range(width):
                total[d] = 0
            for k in range(n):
                weight = weights[b, k]
                for d in range(width):
                    total[d] += weight * block[k, d]
            if values.size:
                store_block(block, values, b, d0, width, n)
            if rows.size:
                store_block(origin, rows, b, d0, width, n)


@jit(fastmath={"contract"})
def features_gradient(
    lengths: np.ndarray, weights: np.ndarray, grad: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None:
    """Fills `out` [B, N, D] with the gradient of the features, 0 for padding, from `grad` [B, D] of
    the sums and the `rows` of the forward pass.
    """
    batch, n_max, dim = out.shape
    block = np.zeros((n_max, LANES), np.float32)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            gradient = grad[b, d0 : d0 + width]
            for k in range(n):
                weight = weights[b, k]
                row = rows[b, k, d0 : d0 + width]
                for d in range(width):
                    block[row[d], d] = weight * gradient[d]
            store_block(block, out, b, d0, width, n)
        clear_padding(out, b, n)


@jit(fastmath={"contract", "reassoc"})
def weights_gradient(
    lengths: np.ndarray, grad: np.ndarray, values: np.ndarray, out: np.ndarray
) -> None:
    """Fills `out` [B, N] with the gradient of the weights, 0 for padding, from `grad` [B, D] of the
    sums and the `values` of the forward pass.
    """
    batch, n_max, dim = values.shape
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        gradient = grad[b]
        for k in range(n):
            ordered = values[b, k]
            total = np.float32(0)
            for d in range(dim):
                total += gradient[d] * ordered[d]
            out[b, k] = total
        for k in range(n, n_max):
            out[b, k] = 0


class NumbaSortedSum(torch.autograd.Function):
    """`sorted_weighted_sum` by the compiled kernels, for float32 features on the CPU."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        shape = features.shape
        out = torch.empty(shape[0], shape[2])
        rows = torch.empty(shape if ctx.needs_input_grad[0] else (0, 0, 0), dtype=torch.uint8)
        values = torch.empty(shape if ctx.needs_input_grad[2] else (0, 0, 0))
        lengths, kept = lengths.to(torch.int64), weights.to(torch.float32)
        sort_and_sum(
            array(features),
            array(lengths),
            array(kept),
            *networks(),
            out.numpy(),
            values.numpy(),
            rows.numpy(),
        )
        ctx.save_for_backward(lengths, kept, values, rows)
        ctx.weights_dtype = weights.dtype
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        lengths, kept, values, rows = ctx.saved_tensors
        to_features = to_weights = None
        if ctx.needs_input_grad[0]:
            to_features = torch.empty(rows.shape)
            features_gradient(
                array(lengths), array(kept), array(grad), rows.numpy(), to_features.numpy()
            )
        if ctx.needs_input_grad[2]:
            to_weights = torch.empty(kept.shape)
            weights_gradient(array(lengths), array(grad), values.numpy(), to_weights.numpy())
            to_weights = to_weights.to(ctx.weights_dtype)
        return to_features, None, to_weights


@jit
def sort_values(
    features: np.ndarray,
    lengths: np.ndarray,
    pairs: np.ndarray,
    start: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Fills `values` [B, N, D] with the sorted valid values of `features` [B, N, D], then zeros.

    Also fills, unless it is empty, `rows` uint8 [B, N, D] with the row of each valid value. `pairs`
    and `start` are `networks()`.
    """
    batch, n_max, dim = features.shape
    block = np.zeros((n_max, LANES), np.float32)
    origin = np.zeros((n_max, LANES), np.uint8)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            load_block(features, b, d0, width, n, block, origin)
            sort_block(block, origin, n, pairs, start)
            store_block(block, values, b, d0, width, n)
            if rows.size:
                store_block(origin, rows, b, d0, width, n)
        clear_padding(values, b, n)


@jit
def values_gradient(
    lengths: np.ndarray, grad: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None:
    """Fills `out` [B, N, D] with the gradient of the features, 0 for padding, from `grad` [B, N, D]
    of the sorted values and their `rows`.
    """
    batch, n_max, dim = out.shape
    block = np.zeros((n_max, LANES), np.float32)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            for k in range(n):
                gradient = grad[b, k, d0 : d0 + width]
                row = rows[b, k, d0 : d0 + width]
                for d in range(width):
                    block[row[d], d] = gradient[d]
            store_block(block, out, b, d0, width, n)
        clear_padding(out, b, n)


class NumbaSortedValues(torch.autograd.Function):
    """`sorted_values` by the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        values = torch.empty(features.shape)
        rows = torch.empty(
            features.shape if ctx.needs_input_grad[0] else (0, 0, 0), dtype=torch.uint8
        )
        lengths = lengths.to(torch.int64)
        sort_values(array(features), array(lengths), *networks(), values.numpy(), rows.numpy())
        ctx.save_for_backward(lengths, rows)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None
        lengths, rows = ctx.saved_tensors
        to_features = torch.empty(rows.shape)
        values_gradient(array(lengths), array(grad), rows.numpy(), to_features.numpy())
        return to_features, None
