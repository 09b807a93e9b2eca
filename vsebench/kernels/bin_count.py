"""Counts, in one pass over a tile of approximate scores, how many thresholds of its row each score
surely reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.tile_count import Band


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
        return _count_compiled(tile, thresholds, limit)
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


def _count_compiled(tile: Tensor, thresholds: Band, limit: int) -> tuple[Tensor, Tensor] | None:
    from vsebench.kernels.bin_count_numba import bin_tile

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
