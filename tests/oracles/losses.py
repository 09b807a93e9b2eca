"""Losses by plain loops over nested lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]
Mask = Sequence[Sequence[bool]]


def hinge(value: float) -> float:
    return max(0.0, value)


def sum_hinge(scores: Matrix, positives: Mask, margin: float) -> float:
    total = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if not positives[i][j]:
                total += hinge(margin + scores[i][j] - scores[i][i]) + hinge(
                    margin + scores[i][j] - scores[j][j]
                )
    return total


def hardest_caption(scores: Matrix, positives: Mask, i: int) -> float:
    return max((scores[i][j] for j in range(len(scores)) if not positives[i][j]), default=-math.inf)


def hardest_image(scores: Matrix, positives: Mask, j: int) -> float:
    return max((scores[i][j] for i in range(len(scores)) if not positives[i][j]), default=-math.inf)


def triplet(scores: Matrix, positives: Mask, margin: float) -> float:
    total = 0.0
    for i in range(len(scores)):
        for hardest in (hardest_caption(scores, positives, i), hardest_image(scores, positives, i)):
            total += hinge(margin + hardest - scores[i][i])
    return total


def aoq(
    scores: Matrix,
    positives: Mask,
    offline: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]],
    *,
    margin: float = 0.2,
    offline_margin: float = 0.0,
    alpha: float = 0.3,
    beta: float = 1.5,
    clamp_weight: bool = False,
) -> tuple[float, float, float]:
    """The online, the same-anchor offline and the no-anchor part, each summed over the batch."""
    online = same_anchor = no_anchor = 0.0
    for i, (off_t, off_i, x1, x2) in enumerate(zip(*offline, strict=True)):
        own = scores[i][i]
        for hardest, off in (
            (hardest_caption(scores, positives, i), off_t),
            (hardest_image(scores, positives, i), off_i),
        ):
            if hardest > -math.inf:
                weight = beta - (off - hardest) / alpha
                online += (max(0.0, weight) if clamp_weight else weight) * hinge(
                    margin + hardest - own
                )
            same_anchor += hinge(offline_margin + off - own)
        no_anchor += hinge(offline_margin + x1 - own) + hinge(offline_margin + x2 - own)
    return online, same_anchor, no_anchor
