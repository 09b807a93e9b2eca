"""`count_above` as one vectorised pass; undecided pairs are looked for only in pieces of a row that
hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]
    Counts = NDArray[np.int32]

_PIECE = 128


@jit
def count_tile(
    tile: Scores,
    row_lower: Scores,
    row_upper: Scores,
    column_lower: Scores,
    column_upper: Scores,
    in_rows: Counts,
    in_columns: Counts,
    near: Counts,
) -> int:
    """Adds to `in_rows` [R] and `in_columns` [C] the scores above their bands, and lists the
    undecided pairs in `near` [limit, 2].

    Returns:
        The number of undecided pairs, or -1 as soon as there are more than `near` holds; the counts
        are incomplete then.
    """
    found = 0
    one, zero = np.int32(1), np.int32(0)
    for row in range(tile.shape[0]):
        low, high = row_lower[row], row_upper[row]
        for start in range(0, tile.shape[1], _PIECE):
            scores = tile[row, start : start + _PIECE]
            lower, upper, counts = (
                column_lower[start : start + _PIECE],
                column_upper[start : start + _PIECE],
                in_columns[start : start + _PIECE],
            )
            above, undecided = zero, zero
            # Without branches (nor `and`, `or`), so that it is compiled to vector instructions.
            for k in range(scores.shape[0]):
                score = scores[k]
                above += one if score > high else zero
                counts[k] += one if score > upper[k] else zero
                near_row = (one if score >= low else zero) & (one if score <= high else zero)
                near_column = (one if score >= lower[k] else zero) & (
                    one if score <= upper[k] else zero
                )
                undecided |= near_row | near_column
            in_rows[row] += above
            if undecided:
                for k in range(scores.shape[0]):
                    score = scores[k]
                    if ((score >= low) & (score <= high)) | (
                        (score >= lower[k]) & (score <= upper[k])
                    ):
                        if found == near.shape[0]:
                            return -1
                        near[found, 0], near[found, 1] = row, start + k
                        found += 1
    return found
