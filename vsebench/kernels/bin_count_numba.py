"""`count_bins` as one pass; thresholds are searched only for scores that reach the lowest one of
their row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]
    Counts = NDArray[np.int64]

_PIECE = 128


@jit
def bin_tile(tile: Scores, lower: Scores, upper: Scores, counts: Counts, near: Counts) -> int:
    """Adds to `counts` [R, K + 1] the scores surely above b thresholds, b ≥ 1, and lists the
    undecided ones in `near` [limit, 2].

    Returns:
        The number of undecided scores, or -1 as soon as there are more than `near` holds; the
        counts are incomplete then.
    """
    found = 0
    one, zero = np.int32(1), np.int32(0)
    for row in range(tile.shape[0]):
        lowest = lower[row, 0]
        for start in range(0, tile.shape[1], _PIECE):
            scores = tile[row, start : start + _PIECE]
            candidates = zero
            # Without branches, so that it is compiled to vector instructions
            for k in range(scores.shape[0]):
                candidates += one if scores[k] >= lowest else zero
            if candidates == zero:
                continue
            for k in range(scores.shape[0]):
                score = scores[k]
                if score >= lowest:
                    above, end = 0, upper.shape[1]
                    while above < end:  # ends at the number of bands below the score
                        middle = (above + end) // 2
                        if upper[row, middle] < score:
                            above = middle + 1
                        else:
                            end = middle
                    if above == upper.shape[1] or lower[row, above] > score:
                        counts[row, above] += 1
                        continue
                    if found == near.shape[0]:
                        return -1
                    near[found, 0], near[found, 1] = row, start + k
                    found += 1
    return found
