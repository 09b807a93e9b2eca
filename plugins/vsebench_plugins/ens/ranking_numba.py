"""What a refresh on the host does besides sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOW_31 = np.int32(0x7FFFFFFF)
_MINUS_ZERO = np.int32(-0x80000000)


@jit
def descending_keys(bits: NDArray[np.int32], keys: NDArray[np.int64]) -> None:
    """Fills `keys` [K, A] with integers that ascend as the values descend, and with the label where
    values are equal; the lower half is the label.

    Args:
        bits: bits of the values, float32 [A, K].
        keys: see above.
    """
    for label in range(bits.shape[0]):
        for f in range(bits.shape[1]):
            word = bits[label, f]
            word = np.int32(0) if word == _MINUS_ZERO else word
            keys[f, label] = (np.int64(~(word ^ ((word >> 31) & _LOW_31))) << 32) | label


@jit
def lower_halves(keys: NDArray[np.int64], labels: NDArray[np.int32]) -> None:
    """Fills `labels` with those of the keys."""
    for f in range(keys.shape[0]):
        for rank in range(keys.shape[1]):
            labels[f, rank] = np.int32(keys[f, rank])


@jit
def variances_of(Q: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    """Fills `out` [K] with the variance of each factor over the labels of Q [A, K]."""
    mean = np.zeros(Q.shape[1])
    for label in range(Q.shape[0]):
        for f in range(Q.shape[1]):
            mean[f] += Q[label, f]
    mean /= Q.shape[0]
    out[:] = 0
    for label in range(Q.shape[0]):
        for f in range(Q.shape[1]):
            away = Q[label, f] - mean[f]
            out[f] += away * away
    out /= Q.shape[0]
