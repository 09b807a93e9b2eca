"""The generalised mean in compiled loops, for float32 on the CPU.

With m the largest of a dimension's values and `l_k = ln(x_k / m)`, it is `m · (S / n)^(1/p)` of
`S = sum_k e^(p · l_k)`, and its gradient is `(S / n)^(1/p) / S · e^((p - 1) · l_k)`: nothing in it
overflows or is divided by a small value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.exponential_numba import falling_exponential, logarithm
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from torch import Tensor

_SMALLEST = np.float32(1.1754944e-38)  # that is not denormal


@jit(fastmath={"contract"}, inline=True)
def log_share(x: np.float32, eps: np.float32, scale: np.float32) -> np.float32:
    """`ln(max(x, eps) · scale)`."""
    share = (eps if x < eps else x) * scale
    return logarithm(_SMALLEST if share < _SMALLEST else share)


@jit(fastmath={"contract"})
def generalised_mean(
    features: np.ndarray,
    lengths: np.ndarray,
    p: np.float32,
    eps: np.float32,
    out: np.ndarray,
    top: np.ndarray,
    total: np.ndarray,
    slope: np.ndarray,
) -> None:
    """Fills `out` [B, D] with the generalised means over the first `lengths[b]` rows of `features`
    [B, N, D], `top` and `total` [B, D] with m and S, and `slope` with the derivatives by p.
    """
    batch, n_max, dim = features.shape
    one = np.float32(1)
    scale = np.empty(dim, np.float32)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        best, mass, mean, tilt = top[b], total[b], out[b], slope[b]
        for d in range(dim):
            best[d] = eps
            mass[d] = 0
            tilt[d] = 0
        for i in range(n):
            row = features[b, i]
            for d in range(dim):
                larger = (row[d] > best[d]) | (row[d] != row[d])  # a NaN is kept
                best[d] = row[d] if larger else best[d]
        for d in range(dim):
            scale[d] = one / best[d]
        for i in range(n):
            row = features[b, i]
            for d in range(dim):
                log = log_share(row[d], eps, scale[d])
                power = falling_exponential(p * log)
                mass[d] += power
                tilt[d] += power * log
        log_n = logarithm(np.float32(n))
        for d in range(dim):
            root = (logarithm(mass[d]) - log_n) / p
            mean[d] = best[d] * falling_exponential(root)
            tilt[d] = mean[d] * (tilt[d] / mass[d] - root) / p


@jit(fastmath={"contract"})
def generalised_mean_gradient(
    grad: np.ndarray,
    features: np.ndarray,
    lengths: np.ndarray,
    p: np.float32,
    eps: np.float32,
    mean: np.ndarray,
    top: np.ndarray,
    total: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fills `out` [B, N, D] with the gradient of the features from `grad` [B, D] of the means."""
    batch, n_max, dim = features.shape
    zero, one = np.float32(0), np.float32(1)
    share, scale = np.empty(dim, np.float32), np.empty(dim, np.float32)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d in range(dim):
            scale[d] = one / top[b, d]
            share[d] = grad[b, d] * (mean[b, d] / top[b, d]) / total[b, d]
        for i in range(n):
            row, target = features[b, i], out[b, i]
            for d in range(dim):
                power = falling_exponential((p - one) * log_share(row[d], eps, scale[d]))
                target[d] = share[d] * power if row[d] >= eps else zero
        for i in range(n, n_max):
            for d in range(dim):
                out[b, i, d] = 0


class NumbaGeneralisedMean(torch.autograd.Function):
    """`generalised_mean` of the module `gem` by the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor, p: Tensor, eps: float) -> Tensor:
        features, lengths = features.detach().contiguous(), lengths.to(torch.int64)
        out, top, total, slope = (
            features.new_empty(features.shape[0], features.shape[2]) for _ in range(4)
        )
        ctx.p, ctx.eps = np.float32(p.item()), np.float32(eps)
        generalised_mean(
            features.numpy(),
            array(lengths),
            ctx.p,
            ctx.eps,
            out.numpy(),
            top.numpy(),
            total.numpy(),
            slope.numpy(),
        )
        ctx.save_for_backward(features, lengths, out, top, total, slope)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor, None]:
        features, lengths, out, top, total, slope = ctx.saved_tensors
        to_features = None
        if ctx.needs_input_grad[0]:
            to_features = torch.empty_like(features)
            generalised_mean_gradient(
                array(grad),
                features.numpy(),
                lengths.numpy(),
                ctx.p,
                ctx.eps,
                out.numpy(),
                top.numpy(),
                total.numpy(),
                to_features.numpy(),
            )
        return to_features, None, (grad * slope).sum(), None
