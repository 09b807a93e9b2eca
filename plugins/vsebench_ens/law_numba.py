"""The rank-by-factor law as a compiled function."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vsebench.kernels.jit import jit
from vsebench.kernels.negatives_numba import below, fork, free_labels, is_positive, nth_negative, unit

if TYPE_CHECKING:
    import numpy as np

    from vsebench.kernels.negatives_numba import Labels, Numbers, Offsets, Vectors

_NOTHING = -1
_HEAD = 3  # numbers before the spreads


@jit(inline=True)
def rank_by_factor(
    image: int, vector: Vectors, positive: int, stream: int, Q: Vectors, offsets: Offsets, labels: Labels, ranks: Labels, numbers: Numbers, scratch: Numbers
) -> tuple[int, int, float]:
    """Draws a factor and a rank until the label there is a negative.

    `numbers` holds the scale of the rank law, its mass within the labels, the most trials, and the factors' spreads; `ranks` [K, A] the labels by
    factor, largest first; `scratch` [K] takes cumulative weights.
    """
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return _NOTHING, 0, 1.0
    last = Q.shape[0] - 1
    total = _cumulate(vector, numbers, scratch)
    patience = int(numbers[2])
    for trial in range(patience):
        level = unit(fork(stream, 2 * trial + 1)) * total
        factor = _passed(scratch, level)
        rank = min(int(-numbers[0] * math.log1p(-unit(fork(stream, 2 * trial)) * numbers[1])), last)
        label = ranks[factor, rank if vector[factor] > 0 else last - rank]
        if not is_positive(image, label, offsets, labels):
            return label, trial + 1, 1.0
    return nth_negative(image, below(fork(stream, 2 * patience), free), offsets, labels), patience + 1, 1.0


@jit(inline=True)
def _cumulate(vector: np.ndarray, numbers: np.ndarray, cumulative: np.ndarray) -> float:
    """Fills `cumulative` with the cumulative |v_f| · spread_f, of equal weights where all are 0, and returns their sum."""
    total = 0.0
    for f in range(vector.shape[0]):
        total += abs(vector[f]) * numbers[_HEAD + f]
        cumulative[f] = total
    if not total > 0:
        for f in range(vector.shape[0]):
            cumulative[f] = f + 1.0
        total = float(vector.shape[0])
    return total


@jit(inline=True)
def _passed(cumulative: np.ndarray, level: float) -> int:
    """How many of the cumulative weights are at most the level; without branches, so that it is compiled to vector instructions."""
    passed = 0
    for f in range(cumulative.shape[0] - 1):
        passed += 1 if cumulative[f] <= level else 0
    return passed
