"""Counts, in one pass over a tile of approximate scores, how many are surely above a threshold, by
row and by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Band(NamedTuple):
    """Thresholds with what is uncertain around them, one per row or column: a score in [lower,
    upper] is undecided.
    """

    lower: Tensor
    upper: Tensor


class TileCount(NamedTuple):
    """Attributes: `rows` [R] and `columns` [C], numbers of scores above the band; `near` int64 [P,
    2], undecided pairs (row, column).
    """

    rows: Tensor
    columns: Tensor
    near: Tensor


def count_above(
    tile: Tensor, rows: Band, columns: Band, limit: int, *, compiled: bool = False
) -> TileCount | None:
    """Compares every score with its row's band and with its column's.

    Args:
        tile: fp32 [R, C], no NaN.
        rows: bands of the rows, fp32 [R].
        columns: bands of the columns, fp32 [C].
        limit: most undecided pairs to list.
        compiled: use the numba kernel, on the CPU.

    Returns:
        The counts, or None where more than `limit` pairs are undecided for their row or their
        column.
    """
    if compiled and tile.device.type == "cpu":
        return _count_compiled(tile, rows, columns, limit)
    above_row, above_column = tile > rows.upper[:, None], tile > columns.upper
    near = (tile >= rows.lower[:, None]).logical_xor_(above_row)
    near |= (tile >= columns.lower).logical_xor_(above_column)
    if near.sum() > limit:
        return None
    return TileCount(above_row.sum(1), above_column.sum(0), near.nonzero())


def _count_compiled(tile: Tensor, rows: Band, columns: Band, limit: int) -> TileCount | None:
    from vsebench.kernels.tile_count_numba import count_tile

    in_rows, in_columns = (
        torch.zeros(size, dtype=torch.int32, device="cpu") for size in tile.shape
    )
    near = torch.empty(limit, 2, dtype=torch.int32, device="cpu")
    lower, upper, column_lower, column_upper = (
        bound.numpy() for band in (rows, columns) for bound in band
    )
    found = count_tile(
        tile.numpy(),
        lower,
        upper,
        column_lower,
        column_upper,
        in_rows.numpy(),
        in_columns.numpy(),
        near.numpy(),
    )
    return TileCount(in_rows, in_columns, near[:found].long()) if found >= 0 else None
