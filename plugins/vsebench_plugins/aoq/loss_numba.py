"""The loss and its derivatives in compiled loops, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from torch import Tensor


@jit
def find_hardest(
    scores: np.ndarray, positives: np.ndarray, hardest: np.ndarray, where: np.ndarray
) -> None:
    """Fills `hardest` [B] with the highest score of each column of `scores` [B, B] that `positives`
    leaves false, and `where` int32 [B] with its row, of equal ones the first: −inf and −1 where
    there is none. A NaN is kept: nothing is higher.
    """
    hardest[:] = -np.inf
    where[:] = -1
    for i in range(len(scores)):
        row, own = scores[i], positives[i]
        for j in range(len(hardest)):
            higher = ((row[j] > hardest[j]) | (row[j] != row[j])) & ~own[j]
            hardest[j] = row[j] if higher else hardest[j]
            where[j] = i if higher else where[j]


@jit(inline=True)
def positive_part(x: float) -> tuple[float, float]:
    """`[x]+` and its derivative; a NaN stays one."""
    return (0.0, 0.0) if x <= 0 else (x, 1.0)


@jit
def sum_hinges(
    constants: tuple[float, float, float, float],
    choices: tuple[bool, bool, bool, bool],
    scores: np.ndarray,
    offline: np.ndarray,
    hardest: np.ndarray,
    losses: np.ndarray,
    to_own: np.ndarray,
    to_online: np.ndarray,
    to_offline: np.ndarray,
    totals: np.ndarray,
) -> None:
    """Fills `losses` [B] with the losses of pairs, and their derivatives by scores; in float64.

    Args:
        constants: margin, offline margin, alpha and beta.
        choices: whether hinges without a common anchor count, whether online hinges have adaptive
            weights, whether these are clamped, and whether they are constants to gradients.
        scores: [B, B].
        offline: [4, B], of the offline negatives.
        hardest: [2, B], of the hardest online negatives; −inf where there is none.
        losses: see above.
        to_own: [B], filled with the derivatives by the pair's own score.
        to_online: [2, B], likewise by the hardest online negatives.
        to_offline: [4, B], likewise by the offline negatives.
        totals: [5], to which the weights of captions and of images are added, and which pairs have
            an online, an offline and a cross hinge.
    """
    margin, offline_margin, alpha, beta = constants
    cross, adaptive, clamp, detach = choices
    to_offline[:] = 0
    parts = np.zeros(3)  # online, offline, cross
    for i in range(len(losses)):
        own, by_own = np.float64(scores[i, i]), 0.0
        parts[:] = 0
        for d in range(2):
            weight, by_weight = (beta if adaptive else 1.0), 0.0
            if adaptive and hardest[d, i] != -np.inf:
                weight -= (np.float64(offline[d, i]) - hardest[d, i]) / alpha
                by_weight = 0.0 if detach else 1 / alpha
            if clamp and weight < 0:
                weight, by_weight = 0.0, 0.0
            totals[d] += weight
            hinge, active = positive_part(margin + hardest[d, i] - own)
            parts[0] += weight * hinge
            to_online[d, i] = weight * active + by_weight * hinge
            to_offline[d, i] = -by_weight * hinge
            by_own -= weight * active
        for k in range(4):
            hinge, active = positive_part(offline_margin + offline[k, i] - own)
            parts[1 + k // 2] += hinge
            if k < 2 or cross:
                to_offline[k, i] += active
                by_own -= active
        losses[i] = parts[0] + parts[1] + (parts[2] if cross else 0.0)
        to_own[i] = by_own
        totals[2] += parts[0] != 0
        totals[3] += parts[1] > 0
        totals[4] += parts[2] > 0


@jit
def scatter(
    grad: np.ndarray, to_own: np.ndarray, to_online: np.ndarray, where: np.ndarray, out: np.ndarray
) -> None:
    """Adds the gradient of the scores to `out` [B, B], from `grad` [B] of the losses."""
    for i in range(len(grad)):
        out[i, i] += grad[i] * to_own[i]
        if where[0, i] >= 0:
            out[i, where[0, i]] += grad[i] * to_online[0, i]
        if where[1, i] >= 0:
            out[where[1, i], i] += grad[i] * to_online[1, i]


class NumbaAOQ(torch.autograd.Function):
    """The losses [B] of pairs, and over them the means [5] of the weights of captions and of
    images, and the shares that have an online, an offline and a cross hinge.
    """

    @staticmethod
    def forward(
        ctx: Any, loss: Any, similarity: Tensor, positives: Tensor, *offline: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Takes an `AOQ`, the scores [B, B] and those of the four offline negatives, [B] each."""
        scores, outside = array(similarity), np.stack([array(score) for score in offline])
        size = len(scores)
        hardest, where = np.empty((2, size), scores.dtype), np.empty((2, size), np.int32)
        mask = array(positives)
        find_hardest(scores.T.copy(), mask.T.copy(), hardest[0], where[0])
        find_hardest(scores, mask, hardest[1], where[1])
        losses, totals = np.empty(size, scores.dtype), np.zeros(5)
        slopes = np.empty(size), np.empty((2, size)), np.empty((4, size))
        sum_hinges(
            (float(loss.margin), float(loss.offline_margin), float(loss.alpha), float(loss.beta)),
            (loss.terms != "offtri", loss.terms == "full", loss.clamp_weight, loss.detach_weight),
            *(scores, outside, hardest, losses, *slopes, totals),
        )
        ctx.slopes, ctx.where = slopes, where
        means = torch.from_numpy(totals / size)
        ctx.mark_non_differentiable(means)
        return torch.from_numpy(losses), means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        upstream, (to_own, to_online, to_offline) = array(grad), ctx.slopes
        out = np.zeros((len(upstream), len(upstream)), upstream.dtype)
        scatter(upstream, to_own, to_online, ctx.where, out)
        outside = (to_offline * upstream).astype(upstream.dtype)
        return None, torch.from_numpy(out), None, *map(torch.from_numpy, outside)
