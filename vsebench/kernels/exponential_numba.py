"""Powers of e and logarithms in float32, written so that the compiler puts them into vector
instructions, which it does not with calls of the C library.
"""

from __future__ import annotations

import numpy as np

from vsebench.kernels.jit import jit

__all__ = ("exponential", "falling_exponential", "logarithm")

_LOG2_E = np.float32(1.4426950408889634)
_LN_2_HIGH, _LN_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of √½
_ROUND = np.float32(1.5 * 2**23)
"""Added to a number, it leaves the nearest integer in the number's last bits."""


@jit(fastmath={"contract"}, inline=True)
def exponential(x: np.float32) -> tuple[np.float32, np.float32]:
    """`e^x` for x in ±87 as a power of two s and q in ±0.42, of which it is `s + s · q`."""
    shifted = np.float32(x * _LOG2_E + _ROUND)
    whole = shifted - _ROUND
    r = x - whole * _LN_2_HIGH - whole * _LN_2_LOW
    # (e^r − 1 − r) / r² within ±ln(2) / 2, so that the error of e^r is below 4e-9 everywhere
    rest = np.float32(1.3814599e-3)
    rest = rest * r + np.float32(8.3687166e-3)
    rest = rest * r + np.float32(4.1668389e-2)
    rest = rest * r + np.float32(1.6666521e-1)
    rest = rest * r + np.float32(4.9999994e-1)
    power = np.int32((shifted.view(np.int32) + np.int32(127)) << np.int32(23))
    return power.view(np.float32), rest * (r * r) + r


@jit(fastmath={"contract"}, inline=True)
def falling_exponential(x: np.float32) -> np.float32:
    """`e^x` of a number that is at most 0, to within 1.5e-7 of the value; 0 below -87. A NaN stays
    one.
    """
    low = x < np.float32(-87)
    scale, rest = exponential(np.float32(-87) if low else x)
    return np.float32(0) if low else scale + scale * rest


@jit(fastmath={"contract"}, inline=True)
def logarithm(x: np.float32) -> np.float32:
    """`ln x` of a finite number from 1.2e-38 on, to within 1.5e-7 of the value. Of others, NaN
    included, it is any number.
    """
    bits = np.float32(x).view(np.int32)
    whole = np.int32(np.int32(bits - _ROOT_HALF) >> np.int32(23))
    part = np.int32(bits - (whole << np.int32(23))).view(np.float32) - np.float32(1)
    # (ln(1 + r) - r + r² / 2) / r³ for 1 + r from √½ to √2
    rest = np.float32(7.0376836e-2)
    rest = rest * part - np.float32(1.1514610e-1)
    rest = rest * part + np.float32(1.1676999e-1)
    rest = rest * part - np.float32(1.2420141e-1)
    rest = rest * part + np.float32(1.4249323e-1)
    rest = rest * part - np.float32(1.6668058e-1)
    rest = rest * part + np.float32(2.0000715e-1)
    rest = rest * part - np.float32(2.4999994e-1)
    rest = rest * part + np.float32(3.3333331e-1)
    square, power = part * part, np.float32(whole)
    small = power * _LN_2_LOW + (square * part * rest - np.float32(0.5) * square)
    return small + part + power * _LN_2_HIGH
