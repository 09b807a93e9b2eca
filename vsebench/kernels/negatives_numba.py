"""Random words, positives and scores inside compiled loops: the parts of samplers' kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vsebench.kernels.jit import jit
from vsebench.plugin import keys

__all__ = (
    "Labels",
    "Numbers",
    "Offsets",
    "Vectors",
    "below",
    "fork",
    "free_labels",
    "is_positive",
    "nth_negative",
    "score",
    "unit",
)

Vectors = NDArray[np.float32]
Offsets = NDArray[np.int64]
Labels = NDArray[np.int32]
Numbers = NDArray[np.float64]

fork = jit(inline=True)(keys.fork)
_mantissa = jit(inline=True)(keys.mantissa)
_UNIT = keys.UNIT
_SHORT = 32  # rows up to this length are scanned


@jit(inline=True)
def unit(word: int) -> float:
    """A word's number in [0, 1)."""
    return _mantissa(word) * _UNIT


@jit(inline=True)
def below(word: int, size: int) -> int:
    """A word's integer from 0 to `size` − 1."""
    return int(unit(word) * size)


@jit(inline=True)
def free_labels(image: int, offsets: Offsets, n_labels: int) -> int:
    """The number of labels that the image does not have."""
    owned: int = offsets[image + 1] - offsets[image]
    return n_labels - owned


@jit(inline=True)
def nth_negative(image: int, rank: int, offsets: Offsets, labels: Labels) -> int:
    """The label of that rank, from 0, among those that the image does not have."""
    start: int = offsets[image]
    low, high = start, offsets[image + 1]
    if high - low <= _SHORT:
        for t in range(low, high):
            rank += 1 if labels[t] <= rank else 0
        return rank
    while low < high:
        middle = (low + high) >> 1
        if labels[middle] - (middle - start) <= rank:
            low = middle + 1
        else:
            high = middle
    return rank + low - start


@jit(inline=True)
def is_positive(image: int, label: int, offsets: Offsets, labels: Labels) -> bool:
    """Whether the image has the label."""
    low, high = offsets[image], offsets[image + 1]
    while high - low > _SHORT:
        middle = (low + high) >> 1
        if labels[middle] <= label:
            low = middle
        else:
            high = middle
    found = False
    for owned in labels[low:high]:  # all of them: an early exit would be mispredicted
        found |= owned == label
    return found


@jit(fastmath={"reassoc", "contract", "nsz"}, inline=True)
def score(left: Vectors, right: Vectors) -> np.float32:
    """The inner product of two vectors of one length, summed in any order."""
    total: np.float32 = left[0] * right[0]
    for f in range(1, left.shape[0]):
        total += left[f] * right[f]
    return total
