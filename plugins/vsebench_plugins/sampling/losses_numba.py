"""The annotation losses and their slopes, −d loss / d difference, as compiled functions."""

from __future__ import annotations

import math

from vsebench.kernels.jit import jit
from vsebench.plugin import MARGIN


@jit(inline=True)
def hinge(difference: float, weight: float) -> tuple[float, float]:
    if difference <= MARGIN:
        return MARGIN - difference, 1.0
    return 0.0, 0.0


@jit(inline=True)
def warp_weighted(difference: float, weight: float) -> tuple[float, float]:
    if difference <= MARGIN:
        return weight * (MARGIN - difference), weight
    return 0.0, 0.0


@jit(inline=True)
def logistic(difference: float, weight: float) -> tuple[float, float]:
    tail = math.exp(-abs(difference))
    slope = tail / (1.0 + tail) if difference > 0 else 1.0 / (1.0 + tail)
    return max(-difference, 0.0) + math.log1p(tail), slope
