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
_BLOCK = 16


@jit(inline=True)
def rank_by_factor(
    image: int, vector: Vectors, positive: int, stream: int, Q: Vectors, offsets: Offsets, labels: Labels, ranks: Labels, numbers: Numbers, scratch: Numbers
) -> tuple[int, int, float]:
    """Draws a factor and a rank until the label there is a negative.

    `numbers` holds the scale of the rank law, its mass within the labels, the most trials, and the factors' spreads; `ranks` [K, A] the labels by
    factor, largest first; `scratch` takes the factors' weights and their blocks' sums.
    """
    free = free_labels(image, offsets, Q.shape[0])
    if free == 0:
        return _NOTHING, 0, 1.0
    last = Q.shape[0] - 1
    total = _weigh(vector, numbers, scratch)
    patience = int(numbers[2])
    for trial in range(patience):
        level = unit(fork(stream, 2 * trial + 1)) * total
        factor = _factor_at(level, vector.shape[0], scratch)
        rank = min(int(-numbers[0] * math.log1p(-unit(fork(stream, 2 * trial)) * numbers[1])), last)
        label = ranks[factor, rank if vector[factor] > 0 else last - rank]
        if not is_positive(image, label, offsets, labels):
            return label, trial + 1, 1.0
    return nth_negative(image, below(fork(stream, 2 * patience), free), offsets, labels), patience + 1, 1.0


def scratch_size(factors: int) -> int:
    """How many numbers of scratch the law needs."""
    blocks = -(-factors // _BLOCK)
    return blocks * (_BLOCK + 1)


@jit(inline=True)
def _weigh(vector: np.ndarray, numbers: np.ndarray, scratch: np.ndarray) -> float:
    """Fills `scratch` with the factors' weights |v_f| · spread_f, all 1 where every one is 0, padded to whole blocks, and with the cumulative sums of blocks.

    Returns the sum of all. A running sum over factors would be one long chain of additions; blocks are summed side by side.
    """
    factors = vector.shape[0]
    blocks = scratch.shape[0] // (_BLOCK + 1)
    for f in range(factors):
        scratch[f] = abs(vector[f]) * numbers[_HEAD + f]
    for f in range(factors, blocks * _BLOCK):
        scratch[f] = 0.0
    total = _accumulate(scratch, blocks)
    if not total > 0:
        scratch[:factors] = 1.0
        total = _accumulate(scratch, blocks)
    return total


@jit(fastmath={"reassoc", "contract", "nsz"}, inline=True)
def _accumulate(scratch: np.ndarray, blocks: int) -> float:
    total = 0.0
    for block in range(blocks):
        part = 0.0
        for f in range(_BLOCK):
            part += scratch[block * _BLOCK + f]
        total += part
        scratch[blocks * _BLOCK + block] = total
    return total


@jit(inline=True)
def _factor_at(level: float, factors: int, scratch: np.ndarray) -> int:
    """The first factor whose cumulative weight is above the level; without branches, which nothing could predict."""
    blocks = scratch.shape[0] // (_BLOCK + 1)
    block, sums = 0, blocks * _BLOCK
    for other in range(blocks - 1):
        block += 1 if scratch[sums + other] <= level else 0
    cumulative = scratch[sums + block - 1] if block > 0 else 0.0
    passed = 0
    for f in range(_BLOCK - 1):
        cumulative += scratch[block * _BLOCK + f]
        passed += 1 if cumulative <= level else 0
    return min(block * _BLOCK + passed, factors - 1)
