"""The parts of a refresh on the host besides sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOW_31 = np.int32(0x7FFFFFFF)
_MINUS_ZERO = np.int32(-0x80000000)


@jit(inline=True)
def _descending(word: np.int32) -> np.int32:
    """An integer that ascends as the value of these bits descends."""
    word = np.int32(0) if word == _MINUS_ZERO else word
    return np.int32(~(word ^ ((word >> 31) & _LOW_31)))


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
            keys[f, label] = (np.int64(_descending(bits[label, f])) << 32) | label


@jit
def lower_halves(keys: NDArray[np.int64], labels: NDArray[np.int32]) -> None:
    """Fills `labels` with those of the keys."""
    for f in range(keys.shape[0]):
        for rank in range(keys.shape[1]):
            labels[f, rank] = np.int32(keys[f, rank])


@jit
def short_keys(bits: NDArray[np.int32], width: int, keys: NDArray[np.int32]) -> None:
    """As `descending_keys` in 32 bits, of which the lowest `width` are the label in place of the
    value's.
    """
    kept = np.int32(-(1 << width))
    for label in range(bits.shape[0]):
        for f in range(bits.shape[1]):
            keys[f, label] = (_descending(bits[label, f]) & kept) | np.int32(label)


@jit
def settled_ends(
    keys: NDArray[np.int32], bits: NDArray[np.int32], width: int, labels: NDArray[np.int32]
) -> bool:
    """Fills `labels` [K, 2n] with the first n and the last n in the order of `descending_keys`.

    Args:
        keys: `short_keys` [K, A], each factor's sorted; A ≥ 2n.
        bits: the values' bits [A, K].
        width: bits of a label.
        labels: see above.

    Returns:
        Whether it did: not where more than n labels beyond an end share their keys with it.
    """
    n, size = labels.shape[1] // 2, keys.shape[1]
    settled = np.empty(2 * n, np.int64)
    for f in range(keys.shape[0]):
        row = keys[f]
        first = n
        while first < size and row[first] >> width == row[first - 1] >> width:
            first += 1
        last = size - n
        while last > 0 and row[last - 1] >> width == row[last] >> width:
            last -= 1
        if max(first, size - last) > 2 * n:
            return False
        _settle(row[:first], bits, f, width, settled)
        for rank in range(n):
            labels[f, rank] = np.int32(settled[rank])
        _settle(row[last:], bits, f, width, settled)
        for rank in range(n):
            labels[f, n + rank] = np.int32(settled[size - last - n + rank])
    return True


@jit(inline=True)
def _settle(
    keys: NDArray[np.int32],
    bits: NDArray[np.int32],
    f: int,
    width: int,
    settled: NDArray[np.int64],
) -> None:
    """Fills the beginning of `settled` with a factor's whole keys for its short ones, sorted, by
    insertion: nearly all are in order.
    """
    labels = np.int32((1 << width) - 1)
    for rank in range(keys.shape[0]):
        label = keys[rank] & labels
        key = (np.int64(_descending(bits[label, f])) << 32) | label
        place = rank
        while place > 0 and settled[place - 1] > key:
            settled[place] = settled[place - 1]
            place -= 1
        settled[place] = key


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
