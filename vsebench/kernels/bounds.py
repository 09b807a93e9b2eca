"""How far a computed inner product can be from the exact one, and the scores that this leaves
undecided.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.tile_count import Band

if TYPE_CHECKING:
    from torch import Tensor


def relative_error(depth: int, dtype: torch.dtype) -> float:
    """γ: an inner product of `depth` terms, computed in `dtype` in any order, with or without fused
    operations, is within γ·|a|·|b| of the exact one.

    Higham, Accuracy and Stability of Numerical Algorithms (2nd ed.), eq. 3.5: γ_n = n·u / (1 − n·u)
    with unit roundoff u. Besides the n = depth roundings of the sum it counts those of both inputs
    to `dtype`, and those of `exact_dot`, which is itself rounded.
    """
    unit = torch.finfo(dtype).eps / 2
    exact = (math.log2(depth) + 2) * torch.finfo(torch.float64).eps / unit
    return (depth + 3 + exact) * unit / (1 - (depth + 3 + exact) * unit)


def undecided(
    threshold: Tensor, norms: Tensor, others: Tensor, depth: int, dtype: torch.dtype
) -> Band:
    """The computed scores that may belong to exact ones on either side of a threshold.

    Args:
        threshold: float64 [n], exact scores.
        norms: float64 [n], of the rows that the thresholds belong to.
        others: float64 [m], norms of the rows that they are scored against.
        depth: terms of an inner product.
        dtype: dtype that scores are computed in.

    Returns:
        [n] bounds in `dtype`: scores below `lower` are below the threshold, scores above `upper`
        are above it.
    """
    largest = others.max()
    # Of inputs and terms too small for fp32, flushed to zero or not
    underflow = depth * 2.0**-120 * (1 + norms) * (1 + largest)
    width = relative_error(depth, dtype) * norms * largest + underflow
    down, up = (torch.full_like(threshold, end, dtype=dtype) for end in (-torch.inf, torch.inf))
    # One step outward makes up for the rounding of the bounds themselves.
    return Band(
        torch.nextafter((threshold - width).to(dtype), down),
        torch.nextafter((threshold + width).to(dtype), up),
    )
