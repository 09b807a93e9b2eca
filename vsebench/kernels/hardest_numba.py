"""One pass over scores that keeps those above a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    import numpy as np

_AT_A_TIME = 64


@jit
def keep_above(
    scores: np.ndarray,
    bounds: np.ndarray,
    row_groups: np.ndarray,
    column_groups: np.ndarray,
    values: np.ndarray,
    columns: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Finds in each row of `scores` [b, m] the columns of another group whose score is at least
    `bounds[row]`.

    Args:
        scores: float32.
        bounds: [b].
        row_groups: int64 [b].
        column_groups: int64 [m].
        values: [b, most], filled with the scores found, as far as there is room.
        columns: int64 [b, most], filled with their columns.
        counts: int64 [b], filled with their numbers; counting stops beyond `most`.
    """
    m, most = scores.shape[1], values.shape[1]
    for i in range(len(scores)):
        row, bound, group, count = scores[i], bounds[i], row_groups[i], 0
        for start in range(0, m, _AT_A_TIME):
            part = row[start : start + _AT_A_TIME]
            found = 0
            for j in range(len(part)):
                found += part[j] >= bound
            if found and count <= most:
                for j in range(len(part)):
                    if part[j] >= bound and column_groups[start + j] != group:
                        if count < most:
                            values[i, count], columns[i, count] = part[j], start + j
                        count += 1
        counts[i] = count
