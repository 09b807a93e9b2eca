"""Mean and maximum over valid rows in one pass over the features, for float32 on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
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
