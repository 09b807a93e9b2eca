"""Mean and maximum over valid rows in one pass over the features, and sums weighted by a softmax
over them without the weights in memory, for float32 on the CPU.

For the latter, rows of all items lie one after the other: those of item b from `first[b]` to below
`first[b + 1]`, of which the first `lengths[b]` are valid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.exponential_numba import falling_exponential
from vsebench.kernels.jit import jit


@jit(fastmath={"contract"})
def mean(features: np.ndarray, lengths: np.ndarray, out: np.ndarray) -> None:
    """Fills `out` [B, D] with the means over the first `lengths[b]` rows of `features` [B, N, D];
    zeros for an item without rows.
    """
    batch, n_max, dim = features.shape
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        total = out[b]
        for d in range(dim):
            total[d] = 0
        for i in range(n):
            row = features[b, i]
            for d in range(dim):
                total[d] += row[d]
        size = np.float32(n) if n else np.float32(1)
        for d in range(dim):
            total[d] /= size


@jit(fastmath={"contract"})
def mean_gradient(grad: np.ndarray, lengths: np.ndarray, out: np.ndarray) -> None:
    """Fills `out` [B, N, D] with the gradient of the features from `grad` [B, D] of the means."""
    batch, n_max, dim = out.shape
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        size = np.float32(n) if n else np.float32(1)
        for i in range(n):
            for d in range(dim):
                out[b, i, d] = grad[b, d] / size
        for i in range(n, n_max):
            for d in range(dim):
                out[b, i, d] = 0


@jit
def maximum(features: np.ndarray, lengths: np.ndarray, out: np.ndarray, rows: np.ndarray) -> None:
    """Fills `out` [B, D] with the maxima over the first `lengths[b]` rows of `features` [B, N, D],
    and `rows` int32 [B, D] with where they are.
    """
    batch, n_max, dim = features.shape
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        best, at = out[b], rows[b]
        for d in range(dim):
            best[d] = -np.inf
            at[d] = 0
        for i in range(n):
            row = features[b, i]
            for d in range(dim):
                larger = (row[d] > best[d]) | (row[d] != row[d])  # a NaN is kept: nothing is larger
                best[d] = row[d] if larger else best[d]
                at[d] = i if larger else at[d]


@jit
def maximum_gradient(grad: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """Fills `out` [B, N, D] with the gradient of the features from `grad` [B, D] of the maxima."""
    batch, n_max, dim = out.shape
    for b in range(batch):
        for i in range(n_max):
            for d in range(dim):
                out[b, i, d] = 0
        for d in range(dim):
            out[b, rows[b, d], d] = grad[b, d]


class NumbaMean(torch.autograd.Function):
    """`masked_mean` by the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        out = features.new_empty(features.shape[0], features.shape[2])
        lengths = lengths.to(torch.int64)
        mean(array(features), array(lengths), out.numpy())
        ctx.save_for_backward(lengths)
        ctx.shape = features.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        to_features = torch.empty(ctx.shape)
        mean_gradient(array(grad), array(ctx.saved_tensors[0]), to_features.numpy())
        return to_features, None


class NumbaMax(torch.autograd.Function):
    """`masked_max` by the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        out = features.new_empty(features.shape[0], features.shape[2])
        rows = torch.empty(out.shape, dtype=torch.int32)
        maximum(array(features), array(lengths.to(torch.int64)), out.numpy(), rows.numpy())
        ctx.save_for_backward(rows)
        ctx.shape = features.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        to_features = torch.empty(ctx.shape)
        maximum_gradient(array(grad), ctx.saved_tensors[0].numpy(), to_features.numpy())
        return to_features, None


@jit(fastmath={"contract"})
def softmax_sum(
    values: np.ndarray,
    scores: np.ndarray,
    first: np.ndarray,
    lengths: np.ndarray,
    out: np.ndarray,
    top: np.ndarray,
    total: np.ndarray,
) -> None:
    """Fills `out` [B, D] with the sums of `values` [R, D] weighted by the softmax of `scores`
    [R, D], and `top` and `total` [B, D] with the largest score and the sum of `e^(score - top)`.
    """
    batch, dim = out.shape
    for b in range(batch):
        start, n = np.uint64(first[b]), np.uint64(lengths[b])
        best, mass, mean = top[b], total[b], out[b]
        for d in range(dim):
            best[d] = -np.inf
            mass[d] = 0
            mean[d] = 0
        for i in range(start, start + n):
            score = scores[i]
            for d in range(dim):
                larger = (score[d] > best[d]) | (score[d] != score[d])  # a NaN is kept
                best[d] = score[d] if larger else best[d]
        for i in range(start, start + n):
            score, value = scores[i], values[i]
            for d in range(dim):
                power = falling_exponential(score[d] - best[d])
                mass[d] += power
                mean[d] += power * value[d]
        for d in range(dim):
            mean[d] /= mass[d]


@jit(fastmath={"contract"})
def softmax_sum_gradient(
    grad: np.ndarray,
    values: np.ndarray,
    scores: np.ndarray,
    first: np.ndarray,
    lengths: np.ndarray,
    out: np.ndarray,
    top: np.ndarray,
    total: np.ndarray,
    to_values: np.ndarray,
    to_scores: np.ndarray,
) -> None:
    """Fills `to_values` and `to_scores` [R, D], zero in padding, from `grad` [B, D] of the sums and
    what `softmax_sum` has filled. An empty `to_scores` says that the values are the scores: then
    `to_values` gets the gradient of both.
    """
    batch, dim = out.shape
    one = np.float32(1)
    share = np.empty(dim, np.float32)
    for b in range(batch):
        start, n, end = np.uint64(first[b]), np.uint64(lengths[b]), np.uint64(first[b + 1])
        best, mean = top[b], out[b]
        for d in range(dim):
            share[d] = grad[b, d] / total[b, d]
        for i in range(start, start + n):
            score, value, target = scores[i], values[i], to_values[i]
            if to_scores.size:
                other = to_scores[i]
                for d in range(dim):
                    target[d] = share[d] * falling_exponential(score[d] - best[d])
                    other[d] = target[d] * (value[d] - mean[d])
            else:
                for d in range(dim):
                    weight = share[d] * falling_exponential(score[d] - best[d])
                    target[d] = weight * (one + (value[d] - mean[d]))
        for i in range(start + n, end):
            for d in range(dim):
                to_values[i, d] = 0
            if to_scores.size:
                for d in range(dim):
                    to_scores[i, d] = 0


class NumbaSoftmaxSum(torch.autograd.Function):
    """`softmax_weighted_sum` by the compiled kernels; without scores, the values are the scores."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, scores: Tensor | None, first: Tensor, lengths: Tensor
    ) -> Tensor:
        shape, dim = values.shape, values.shape[-1]
        values = values.detach().reshape(-1, dim).contiguous()
        scores = values if scores is None else scores.detach().reshape(-1, dim).contiguous()
        out, top, total = (values.new_empty(len(lengths), dim) for _ in range(3))
        softmax_sum(
            values.numpy(),
            scores.numpy(),
            array(first),
            array(lengths),
            out.numpy(),
            top.numpy(),
            total.numpy(),
        )
        ctx.save_for_backward(values, scores, first, lengths, out, top, total)
        ctx.shape, ctx.own = shape, scores is values
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        values, scores, first, lengths, out, top, total = map(array, ctx.saved_tensors)
        to_values = torch.empty(values.shape)
        to_scores = torch.empty((0, 0) if ctx.own else scores.shape)
        softmax_sum_gradient(
            array(grad),
            values,
            scores,
            first,
            lengths,
            out,
            top,
            total,
            to_values.numpy(),
            to_scores.numpy(),
        )
        return (
            to_values.view(ctx.shape),
            None if ctx.own else to_scores.view(ctx.shape),
            None,
            None,
        )
