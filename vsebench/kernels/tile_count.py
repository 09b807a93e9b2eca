"""Counts, in one pass over a tile of approximate scores: how many are surely above a threshold, by
row and by column (`count_above`), and how many thresholds of its row each score surely reaches
(`count_bins`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Band(NamedTuple):
    """Uncertainty around thresholds, one per row or column: a score in [lower, upper] is
    undecided.
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
        tile: fp32 or bf16 [R, C], no NaN.
        rows: bands of the rows, [R] of the tile's dtype.
        columns: bands of the columns, [C] likewise.
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
    from vsebench.kernels.tile_count_numba import count_bf16_tile, count_tile

    in_rows, in_columns = (
        torch.zeros(size, dtype=torch.int32, device="cpu") for size in tile.shape
    )
    near = torch.empty(limit, 2, dtype=torch.int32, device="cpu")
    lower, upper, column_lower, column_upper = (
        bound.float().numpy() for band in (rows, columns) for bound in band
    )
    in_bf16 = tile.dtype == torch.bfloat16
    count, scores = (count_bf16_tile, tile.view(torch.int16)) if in_bf16 else (count_tile, tile)
    found = count(
        scores.numpy(),
        lower,
        upper,
        column_lower,
        column_upper,
        in_rows.numpy(),
        in_columns.numpy(),
        near.numpy(),
    )
    return TileCount(in_rows, in_columns, near[:found].long()) if found >= 0 else None


def count_bins(
    tile: Tensor, thresholds: Band, limit: int, *, compiled: bool = False
) -> tuple[Tensor, Tensor] | None:
    """Sorts every score into its row's thresholds.

    Args:
        tile: fp32 [R, C], no NaN.
        thresholds: bands fp32 [R, K], ascending within a row; rows with fewer than K thresholds end
            in infinity.
        limit: most undecided scores to list.
        compiled: use the numba kernel, on the CPU.

    Returns:
        int64 [R, K + 1], how many scores of a row are surely above its b lowest thresholds and
        below the others, for b from 1 (b = 0 is not counted); and int64 [P, 2], the scores (row,
        column) that a band leaves undecided. None where there are more than `limit`.
    """
    if compiled and tile.device.type == "cpu":
        return _bins_compiled(tile, thresholds, limit)
    above = torch.searchsorted(thresholds.upper.contiguous(), tile.contiguous())
    reached = torch.searchsorted(thresholds.lower.contiguous(), tile.contiguous(), right=True)
    near = above != reached
    if near.sum() > limit:
        return None
    counts = torch.zeros(
        len(tile), thresholds.upper.shape[1] + 1, dtype=torch.int64, device=tile.device
    )
    counts.scatter_add_(1, above, (~near).long())
    counts[:, 0] = 0
    return counts, near.nonzero()


def _bins_compiled(tile: Tensor, thresholds: Band, limit: int) -> tuple[Tensor, Tensor] | None:
    from vsebench.kernels.tile_count_numba import bin_tile

    counts = torch.zeros(len(tile), thresholds.upper.shape[1] + 1, dtype=torch.int64, device="cpu")
    near = torch.empty(limit, 2, dtype=torch.int64, device="cpu")
    found = bin_tile(
        tile.numpy(),
        thresholds.lower.numpy(),
        thresholds.upper.numpy(),
        counts.numpy(),
        near.numpy(),
    )
    return (counts, near[:found]) if found >= 0 else None
