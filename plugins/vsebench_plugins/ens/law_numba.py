"""The rank-by-factor law as a compiled function."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import (
    below,
    fork,
    free_labels,
    is_positive,
    nth_negative,
    unit,
)
from vsebench.plugin import NOTHING

if TYPE_CHECKING:
    import numpy as np

    from vsebench.kernels.negatives_numba import Labels, Numbers, Offsets, Vectors

_HEAD = 3  # numbers before the spreads
_BLOCK = 16


@jit(inline=True)
def rank_by_factor(
    image: int,
    vector: Vectors,
    positive: int,
    stream: int,
    Q: Vectors,
    offsets: Offsets,
    labels: Labels,
    ranks: Labels,
    numbers: Numbers,
    scratch: Numbers,
) -> tuple[int, int, float]:
    """Draws a factor and a rank until the label there is a negative.

    `numbers` holds the scale of the rank law, its mass within the labels, the largest number of
    trials, and the factors' spreads; `ranks` [K, n] the labels by factor, largest first, all or
    those at either end that draws can reach; `scratch` takes the factors' weights and their blocks'
    sums.
    """
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return NOTHING, 0, 1.0
    last = ranks.shape[1] - 1
    total = _weigh(vector, numbers, scratch)
    patience = int(numbers[2])
    for trial in range(patience):
        level = unit(fork(stream, 2 * trial + 1)) * total
        factor = _factor_at(level, vector.shape[0], scratch)
        rank = min(int(-numbers[0] * math.log1p(-unit(fork(stream, 2 * trial)) * numbers[1])), last)
        label = ranks[factor, rank if vector[factor] > 0 else last - rank]
        if not is_positive(image, label, offsets, labels):
            return label, trial + 1, 1.0
    return (
        nth_negative(image, below(fork(stream, 2 * patience), free), offsets, labels),
        patience + 1,
        1.0,
    )


def scratch_size(factors: int) -> int:
    """Numbers of scratch that the law needs for K factors. Scratch comes filled with 0, and what
    lies between the factors and whole blocks of them stays 0.
    """
    blocks = -(-factors // _BLOCK)
    return blocks * (_BLOCK + 1)


@jit(inline=True)
def _weigh(vector: np.ndarray, numbers: np.ndarray, scratch: np.ndarray) -> float:
    """Fills `scratch` with the factors' weights |v_f| · spread_f, all 1 where every one is 0, and
    with the cumulative sums of their blocks.

    Returns the sum of all. A running sum over factors would be one long chain of additions; blocks
    are summed side by side.
    """
    factors = vector.shape[0]
    weights, spreads = scratch[:factors], numbers[_HEAD : _HEAD + factors]
    for f in range(factors):
        weights[f] = abs(vector[f]) * spreads[f]
    total = _accumulate(scratch)
    if not total > 0:
        weights[:] = 1.0
        total = _accumulate(scratch)
    return total


@jit(inline=True)
def _accumulate(scratch: np.ndarray) -> float:
    blocks = scratch.shape[0] // (_BLOCK + 1)
    sums = scratch[blocks * _BLOCK :]
    for b in range(blocks):
        w = scratch[b * _BLOCK : (b + 1) * _BLOCK]
        # Halves are added until one number is left, written out to become vector instructions.
        sums[b] = (((w[0] + w[8]) + (w[4] + w[12])) + ((w[2] + w[10]) + (w[6] + w[14]))) + (
            ((w[1] + w[9]) + (w[5] + w[13])) + ((w[3] + w[11]) + (w[7] + w[15]))
        )
    total = 0.0
    for b in range(blocks):
        total += sums[b]
        sums[b] = total
    return total


@jit(inline=True)
def _factor_at(level: float, factors: int, scratch: np.ndarray) -> int:
    """The first factor whose cumulative weight is above the level; without branches, which nothing
    could predict.
    """
    blocks = scratch.shape[0] // (_BLOCK + 1)
    sums = scratch[blocks * _BLOCK :]
    passed, cumulative = 0, 0.0
    for b in range(blocks - 1):
        under = sums[b] <= level
        passed += _BLOCK if under else 0
        cumulative = sums[b] if under else cumulative
    weights = scratch[passed : passed + _BLOCK]
    for f in range(_BLOCK - 1):
        cumulative += weights[f]
        passed += 1 if cumulative <= level else 0
    return min(passed, factors - 1)
