"""Exact ranks on a device that computes behind the host's back: all tiles are counted before the
host reads anything, and then it reads once.

The counts are those of `ranks`. What differs is that shapes never depend on values: the undecided
pairs of a tile have as much room as are worth settling one by one, and whether they fit is read
when every tile is queued. A tile whose pairs did not fit has added nothing, and is counted in
float64 then.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.gemm import true_float32
from vsebench.retrieval.ranking.exact.ranks import (
    CAPTIONS_PER_IMAGE,
    Queries,
    Undecided,
    count_saturated,
    most_undecided,
    settle,
    slices,
)

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.kernels.tile_count import Band

BLOCK = 2048
"""Images of a tile: 128 MiB of scores, so that launching kernels is not what takes the time."""

_AT_ONCE = 64  # tiles between two reads: their undecided pairs wait in 1/64 of that many tiles


@dataclass(frozen=True)
class _Tile:
    """A tile that is counted but for its undecided pairs.

    Attributes:
        rows: its images.
        columns: its captions.
        bands: the undecided scores, for its images and for its captions.
        pairs: int64 [limit, 2], undecided pairs (row, column), the first `found` of them.
        scores: fp32 [limit], of these pairs.
        found: int64 [], number of undecided pairs, for which the tile may lack room.
    """

    rows: slice
    columns: slice
    bands: tuple[Band, Band]
    pairs: Tensor
    scores: Tensor
    found: Tensor

    def undecided(self, found: int) -> Undecided:
        """The pairs, once their number is known."""
        i, j = self.pairs[:found].unbind(1)
        return Undecided(self.rows, self.columns, self.bands, (i, j), self.scores[:found])


def queues(device: torch.device) -> bool:
    """Whether ranks are counted this way on a device: on CUDA, from torch 2.7 on."""
    release = tuple(int(part) for part in torch.__version__.split(".")[:2])
    return device.type != "cpu" and release >= (2, 7)


def queued_ranks(images: Rows, texts: Rows, owner: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """As `exact_ranks`."""
    queries = Queries.start(images, texts, owner, compiled=False)
    tiles = list(
        product(slices(len(texts), CAPTIONS_PER_IMAGE * block), slices(len(images), block))
    )
    with true_float32(fast=False):
        for start in range(0, len(tiles), _AT_ONCE):
            part = tiles[start : start + _AT_ONCE]
            queued = [_queue(queries, rows, columns) for columns, rows in part]
            counts = torch.stack([tile.found for tile in queued]).tolist()
            for tile, found in zip(queued, counts, strict=True):
                if found <= len(tile.pairs):
                    settle(queries, tile.undecided(found))
                else:
                    count_saturated(queries, tile.rows, tile.columns)
    return queries.image_rank, queries.text_rank


def _queue(queries: Queries, rows: slice, columns: slice) -> _Tile:
    tile = queries.images.block(rows) @ queries.texts.block(columns).T
    _drop_positives(tile, queries.owner[columns] - rows.start)
    bands = image_band, text_band = queries.bands(rows, columns, tile.dtype)
    above_row, above_column = tile > image_band.upper[:, None], tile > text_band.upper
    near = (tile >= image_band.lower[:, None]).logical_xor_(above_row)
    near |= (tile >= text_band.lower).logical_xor_(above_column)
    found, limit = near.sum(), most_undecided(tile)
    fits = found <= limit
    queries.image_rank[rows] += above_row.sum(1) * fits
    queries.text_rank[columns] += above_column.sum(0) * fits
    pairs = torch.nonzero_static(near, size=limit, fill_value=0)
    return _Tile(rows, columns, bands, pairs, tile[pairs[:, 0], pairs[:, 1]], found)


def _drop_positives(tile: Tensor, row: Tensor) -> None:
    """Takes matching pairs out of a tile of scores; `row` int64 [columns] is where each caption's
    image would be.
    """
    inside = (row >= 0) & (row < len(tile))
    place = row.clamp(0, len(tile) - 1)[None]
    tile.scatter_(0, place, torch.where(inside, -torch.inf, tile.gather(0, place)))
