"""Bounds on the rounding error of inner products, and the scores that they leave undecided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

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
    return _gamma(depth, torch.finfo(dtype).eps / 2)


def _gamma(depth: int, unit: float) -> float:
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
    width = relative_error(depth, dtype) * norms * largest + _underflow(depth, norms, largest)
    return _band(threshold, width, dtype)


class Rounded(NamedTuple):
    """Norms of n rows that are rounded to bf16.

    Attributes:
        norms: float64 [n], norms before rounding.
        lost: float64 [n], norms of their rounding errors.
    """

    norms: Tensor
    lost: Tensor


def undecided_in_bf16(threshold: Tensor, rows: Rounded, others: Rounded, depth: int) -> Band:
    """As `undecided`, for products of rows rounded to bf16, added up in fp32 and rounded to bf16.

    With a = â + α and b = b̂ + β, where â and b̂ are the rounded rows, a·b − â·b̂ = α·b + â·β, and by
    Cauchy and Schwarz

        |a·b − â·b̂| ≤ |α|·|b| + (|a| + |α|)·|β|.

    |α| and |β| are known, not estimated: rounding to 8 bits takes at most 2⁻⁸ of a row's norm, and
    as a rule less than half of that. The sum of the D products â_k·b̂_k, each of which is exact in
    fp32, is within γ_D·|â|·|b̂| of theirs (see `relative_error`); γ is taken for twice fp32's unit
    roundoff, since bf16 instructions need not round to the nearest. Rounding the sum to bf16 is
    monotone: what is above the rounded end of a band was above the end before.

    Args:
        threshold: float64 [n], exact scores.
        rows: the n rows that the thresholds belong to.
        others: the m rows that they are scored against.
        depth: terms of an inner product.

    Returns:
        [n] bounds in bf16.
    """
    norms, lost = rows
    largest, most_lost = others.norms.max(), others.lost.max()
    rounded, largest_rounded = norms + lost, largest + most_lost
    width = (
        lost * largest
        + rounded * most_lost
        + _gamma(depth, torch.finfo(torch.float32).eps) * rounded * largest_rounded
        + _underflow(depth, rounded, largest_rounded)
    )
    band = _band(threshold, width, torch.float32)
    return Band(band.lower.bfloat16(), band.upper.bfloat16())


def _underflow(depth: int, norms: Tensor, largest: Tensor) -> Tensor:
    """Of inputs and terms too small for fp32, flushed to zero or not."""
    return depth * 2.0**-120 * (1 + norms) * (1 + largest)


def _band(threshold: Tensor, width: Tensor, dtype: torch.dtype) -> Band:
    down, up = (torch.full_like(threshold, end, dtype=dtype) for end in (-torch.inf, torch.inf))
    # One step outward makes up for the rounding of the bounds themselves.
    return Band(
        torch.nextafter((threshold - width).to(dtype), down),
        torch.nextafter((threshold + width).to(dtype), up),
    )
