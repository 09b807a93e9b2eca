"""The counting of `count` as vectorised passes over rows of scores that are in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float32] | NDArray[np.float64]
    Index = NDArray[np.int64]

_PIECE = 512


@jit
def count_pairs(
    tile: Scores, rows: Index, lower: Scores, upper: Scores, first: int, counts: Index, near: Index
) -> tuple[int, int]:
    """Adds to `counts` [p] the scores of `tile[rows[p]]` above `upper[p]`, and lists in `near`
    [limit, 2] those in [lower[p], upper[p]] as (p, column).

    Starts with pair `first` and stops before one that may find too little room in `near`, whose
    limit is at least the number of columns.

    Returns:
        The pair to continue with, and how many `near` holds.
    """
    found = 0
    one, zero = np.int32(1), np.int32(0)
    columns = tile.shape[1]
    for p in range(first, rows.shape[0]):
        if near.shape[0] - found < columns:
            return p, found
        low, high = lower[p], upper[p]
        for start in range(0, columns, _PIECE):
            scores = tile[rows[p], start : start + _PIECE]
            above, undecided = zero, zero
            # Without branches, so that it is compiled to vector instructions.
            for k in range(scores.shape[0]):
                above += one if scores[k] > high else zero
                undecided += one if scores[k] >= low else zero
            counts[p] += above
            # Scores at or above `low` are those above `high` and the undecided ones, unless the
            # band is empty.
            if undecided > above:
                for k in range(scores.shape[0]):
                    if (scores[k] >= low) & (scores[k] <= high):
                        near[found, 0], near[found, 1] = p, start + k
                        found += 1
    return rows.shape[0], found
