"""InfoNCE and its derivatives in compiled loops, for float32 on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.exponential_numba import falling_exponential
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from torch import Tensor


@jit(fastmath={"contract"})
def queries(
    scores: np.ndarray,
    positives: np.ndarray,
    scale: np.float32,
    margin: np.float32,
    losses: np.ndarray,
    to_scores: np.ndarray,
    to_scale: np.ndarray,
) -> None:
    """Fills `losses` [Q] with the losses of the queries in the columns of `scores` [n, Q], and
    `to_scores` [n, Q] and `to_scale` [Q] with their derivatives.
    """
    n, count = scores.shape
    low, zero = np.float32(-np.inf), np.float32(0)
    top, mass = np.full(count, low), np.zeros(count, np.float32)
    tilt, each = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for i in range(n):
        row, own = scores[i], positives[i]
        for q in range(count):
            logit = low if own[q] else (row[q] + margin) * scale
            top[q] = logit if (logit > top[q]) | (logit != logit) else top[q]  # a NaN is kept
    for i in range(n):
        row, own, powers = scores[i], positives[i], to_scores[i]
        for q in range(count):
            power = falling_exponential((row[q] + margin) * scale - top[q])
            powers[q] = zero if own[q] else power
            mass[q] += powers[q]
            tilt[q] += powers[q] * (row[q] + margin)
    sizes = np.zeros(count, np.int64)
    for i in range(n):
        for q in range(count):
            sizes[q] += positives[i, q]
    share, slope, total = np.zeros(count), np.zeros(count), np.zeros(count)
    for i in range(n):
        for q in range(count):
            if positives[i, q]:
                part = zero
                if top[q] != low:  # there are negatives
                    gap = top[q] + np.log(np.float64(mass[q])) - np.float64(scores[i, q]) * scale
                    power = np.exp(-abs(gap))
                    total[q] += (0.0 if gap < 0 else gap) + np.log1p(power)
                    part = (1.0 if gap > 0 else power) / (1 + power) / sizes[q]
                share[q] += part
                slope[q] -= part * scores[i, q]
                to_scores[i, q] = part
    for q in range(count):
        losses[q] = total[q] / sizes[q]
        each[q] = share[q] / mass[q] if top[q] != low else zero
        to_scale[q] = slope[q] + each[q] * tilt[q]
    for i in range(n):
        own, slopes = positives[i], to_scores[i]
        for q in range(count):
            slopes[q] *= -scale if own[q] else each[q] * scale


@jit
def both(
    similarity: np.ndarray,
    positives: np.ndarray,
    scale: np.float32,
    margin: np.float32,
    slopes: np.ndarray,
    to_scale: np.ndarray,
) -> np.ndarray:
    """The losses [B] of pairs, the means of their two queries. Fills `slopes` [2, B, B] and
    `to_scale` [2, B]: of the captions, in columns, and then of the images, in columns of the
    transpose.
    """
    losses = np.empty(to_scale.shape, np.float32)
    turned, turned_positives = similarity.T.copy(), positives.T.copy()
    queries(similarity, positives, scale, margin, losses[0], slopes[0], to_scale[0])
    queries(turned, turned_positives, scale, margin, losses[1], slopes[1], to_scale[1])
    means: np.ndarray = (losses[0] + losses[1]) / np.float32(2)
    return means


@jit
def both_gradients(grad: np.ndarray, slopes: np.ndarray, out: np.ndarray) -> None:
    """Fills `out` [B, B] with the gradient of the scores from `grad` [B] of the losses."""
    half = grad / np.float32(2)
    images = slopes[1].T.copy()
    for i in range(len(out)):
        for j in range(len(out)):
            out[i, j] = half[j] * slopes[0, i, j] + half[i] * images[i, j]


class NumbaInfoNCE(torch.autograd.Function):
    """`infonce_loss` by the compiled kernels."""

    @staticmethod
    def forward(
        ctx: Any, similarity: Tensor, positives: Tensor, scale: Tensor | float, margin: float
    ) -> Tensor:
        size = len(similarity)
        slopes = np.empty((2, size, size), np.float32)
        to_scale = np.empty((2, size), np.float32)
        losses = both(
            array(similarity),
            array(positives),
            np.float32(float(scale)),
            np.float32(margin),
            slopes,
            to_scale,
        )
        ctx.slopes, ctx.to_scale = slopes, to_scale
        return torch.from_numpy(losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor | None, None]:
        upstream, out = array(grad), np.empty(ctx.slopes.shape[1:], np.float32)
        both_gradients(upstream, ctx.slopes, out)
        to_scale = None
        if ctx.needs_input_grad[2]:
            to_scale = torch.tensor((upstream * ctx.to_scale).sum() / 2)
        return torch.from_numpy(out), None, to_scale, None
