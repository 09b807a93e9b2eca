"""The counting of `tile_count` as vectorised passes: undecided pairs are looked for only in pieces
of a row that hold one, and thresholds are searched only for scores that reach the lowest one of
their row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]
    Counts = NDArray[np.int32]
    Bins = NDArray[np.int64]

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
    for row in range(tile.shape[0]):
        low, high = row_lower[row], row_upper[row]
        for start in range(0, tile.shape[1], _PIECE):
            piece = slice(start, start + _PIECE)
            above, undecided = _count_piece(
                tile[row, piece],
                low,
                high,
                column_lower[piece],
                column_upper[piece],
                in_columns[piece],
            )
            in_rows[row] += above
            if undecided:
                found = _list_piece(
                    tile[row, piece],
                    low,
                    high,
                    column_lower[piece],
                    column_upper[piece],
                    near,
                    found,
                    row,
                    start,
                )
                if found < 0:
                    return -1
    return found


@jit
def count_bf16_tile(
    tile: NDArray[np.int16],
    row_lower: Scores,
    row_upper: Scores,
    column_lower: Scores,
    column_upper: Scores,
    in_rows: Counts,
    in_columns: Counts,
    near: Counts,
) -> int:
    """As `count_tile`, for a tile of bf16 numbers, given by their bits."""
    found = 0
    bits = np.empty(_PIECE, np.int32)
    scores = bits.view(np.float32)
    for row in range(tile.shape[0]):
        low, high = row_lower[row], row_upper[row]
        for start in range(0, tile.shape[1], _PIECE):
            halves = tile[row, start : start + _PIECE]
            # A bf16 number is the upper half of an fp32 one.
            for k in range(halves.shape[0]):
                bits[k] = np.int32(halves[k]) << np.int32(16)
            piece = slice(start, start + _PIECE)
            above, undecided = _count_piece(
                scores[: halves.shape[0]],
                low,
                high,
                column_lower[piece],
                column_upper[piece],
                in_columns[piece],
            )
            in_rows[row] += above
            if undecided:
                found = _list_piece(
                    scores[: halves.shape[0]],
                    low,
                    high,
                    column_lower[piece],
                    column_upper[piece],
                    near,
                    found,
                    row,
                    start,
                )
                if found < 0:
                    return -1
    return found


@jit(inline=True)
def _count_piece(
    scores: Scores,
    low: np.float32,
    high: np.float32,
    lower: Scores,
    upper: Scores,
    counts: Counts,
) -> tuple[np.int32, np.int32]:
    """Adds to `counts` the scores above their columns' bands.

    Returns:
        The number of scores above the row's band, and whether any is undecided.
    """
    one, zero = np.int32(1), np.int32(0)
    above, undecided = zero, zero
    # Without branches (nor `and`, `or`), so that it is compiled to vector instructions.
    for k in range(scores.shape[0]):
        score = scores[k]
        above += one if score > high else zero
        counts[k] += one if score > upper[k] else zero
        near_row = (one if score >= low else zero) & (one if score <= high else zero)
        near_column = (one if score >= lower[k] else zero) & (one if score <= upper[k] else zero)
        undecided |= near_row | near_column
    return above, undecided


@jit
def _list_piece(
    scores: Scores,
    low: np.float32,
    high: np.float32,
    lower: Scores,
    upper: Scores,
    near: Counts,
    found: int,
    row: int,
    start: int,
) -> int:
    """Lists a piece's undecided pairs from `near[found]` on.

    Returns:
        The number of pairs listed by now, or -1 where there is no room for more.
    """
    for k in range(scores.shape[0]):
        score = scores[k]
        if ((score >= low) & (score <= high)) | ((score >= lower[k]) & (score <= upper[k])):
            if found == near.shape[0]:
                return -1
            near[found, 0], near[found, 1] = row, start + k
            found += 1
    return found


@jit
def bin_tile(tile: Scores, lower: Scores, upper: Scores, counts: Bins, near: Bins) -> int:
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
