"""Exact ranks by counting, in blocks.

A query's rank is the number of items that do not belong to it and score at least as high as its
best match. Scores are `exact_dot` products, so that a rank is a function of the embeddings alone:
not of block size, device or threads. fp32 products over tiles decide all pairs but those within
their rounding bound of a threshold; only these are computed exactly. One product per tile serves
both directions.

Where fp32 decides little (collapsed or nearly collapsed embeddings), a tile is computed in float64,
once for every distinct pair of rows, and pairs that float64 leaves undecided are computed exactly,
again once each. Embeddings that are all the same cost one product; embeddings that differ in their
last bits cost a float64 matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.tile_count import Band, count_above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vsebench.kernels.rows import Rows


@dataclass(frozen=True)
class Queries:
    """Every image is a query for captions, and every caption one for images.

    Attributes:
        images: n embeddings.
        texts: m embeddings.
        owner: int64 [m], each caption's image.
        image_threshold: float64 [n], the exact score of each image with the best of its captions.
        text_threshold: float64 [m], the exact score of each caption with its image.
        image_rank: int64 [n], competitors found so far at or above the threshold.
        text_rank: int64 [m].
        compiled: use numba kernels on the CPU.
    """

    images: Rows
    texts: Rows
    owner: Tensor
    image_threshold: Tensor
    text_threshold: Tensor
    image_rank: Tensor
    text_rank: Tensor
    compiled: bool

    @classmethod
    def start(cls, images: Rows, texts: Rows, owner: Tensor, *, compiled: bool) -> Queries:
        """Scores every caption with its own image; no competitor is counted yet."""
        positive = exact_scores(
            images, texts, owner, torch.arange(len(texts), device=owner.device), compiled=compiled
        )
        best = torch.full(
            (len(images),), -torch.inf, dtype=torch.float64, device=owner.device
        ).scatter_reduce_(0, owner, positive, "amax")
        image_rank, text_rank = torch.zeros_like(best, dtype=torch.int64), torch.zeros_like(owner)
        return cls(images, texts, owner, best, positive, image_rank, text_rank, compiled)

    def bands(self, rows: slice, columns: slice, dtype: torch.dtype) -> tuple[Band, Band]:
        """What scores of a tile, computed in `dtype`, leave undecided: for its images and for its
        captions.
        """
        images, texts = self.images.norms[rows], self.texts.norms[columns]
        depth = self.images.width
        return (
            undecided(self.image_threshold[rows], images, texts, depth, dtype),
            undecided(self.text_threshold[columns], texts, images, depth, dtype),
        )

    def drop_positives(self, tile: Tensor, rows: slice, columns: slice) -> None:
        """Takes matching pairs out of a tile of scores, by index and not by value."""
        owner = self.owner[columns] - rows.start
        column = ((owner >= 0) & (owner < len(tile))).nonzero().squeeze(1)
        tile[owner[column], column] = -torch.inf


_CAPTIONS_PER_IMAGE = (
    8  # of a tile: wide tiles suit the product, and sets have more captions than images
)
# pairs: a training run evaluates often enough to repay the half second that loading numba takes
_COMPILE_FROM = 4_000_000
_SATURATED = 1 / 64  # share of undecided pairs from which a tile is cheaper in float64 as a whole,
_FEW = 256  # unless there are no more than this


def exact_ranks(images: Rows, texts: Rows, owner: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Ranks of all images among captions, and of all captions among images, from 0.

    Args:
        images: n embeddings.
        texts: m embeddings of the same width.
        owner: int64 [m], the image of each caption; every image has one at least.
        block: images per tile. Memory grows with its square: 9 MiB of scores at 512.

    Returns:
        int64 [n] and int64 [m].
    """
    queries = Queries.start(
        images, texts, owner, compiled=len(images) * len(texts) >= _COMPILE_FROM
    )
    buffer = torch.empty(
        _CAPTIONS_PER_IMAGE * block * block, dtype=torch.float32, device=owner.device
    )
    with true_float32(fast=owner.device.type == "cpu"):
        for columns in _slices(len(texts), _CAPTIONS_PER_IMAGE * block):
            captions = texts.block(columns)
            for rows in _slices(len(images), block):
                tile = buffer[: (rows.stop - rows.start) * len(captions)].view(-1, len(captions))
                torch.mm(images.block(rows), captions.T, out=tile)
                _count(queries, tile, rows, columns)
    return queries.image_rank, queries.text_rank


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _count(queries: Queries, tile: Tensor, rows: slice, columns: slice) -> None:
    """Adds a tile's competitors to the counts."""
    queries.drop_positives(tile, rows, columns)
    image_band, text_band = queries.bands(rows, columns, torch.float32)
    counted = count_above(
        tile,
        image_band,
        text_band,
        limit=max(_FEW, int(tile.numel() * _SATURATED)),
        compiled=queries.compiled,
    )
    if counted is None:
        count_saturated(queries, rows, columns)
        return
    queries.image_rank[rows] += counted.rows
    queries.text_rank[columns] += counted.columns
    i, j = counted.near.unbind(1)
    if len(i):
        scores = tile[i, j]
        exact = exact_scores(
            queries.images,
            queries.texts,
            i + rows.start,
            j + columns.start,
            compiled=queries.compiled,
        )
        _settle(
            queries.image_rank[rows], queries.image_threshold[rows], image_band, i, scores, exact
        )
        _settle(
            queries.text_rank[columns], queries.text_threshold[columns], text_band, j, scores, exact
        )


def _settle(
    rank: Tensor, threshold: Tensor, band: Band, query: Tensor, scores: Tensor, exact: Tensor
) -> None:
    """Counts, in place, the pairs that one direction left undecided and whose exact score reaches
    the threshold.
    """
    near = (scores >= band.lower[query]) & (scores <= band.upper[query])
    rank.index_add_(0, query, (near & (exact >= threshold[query])).long())


_ROWS, _COLUMNS = 256, 1024  # of the parts that a tile is computed in: 2 MiB of scores


def count_saturated(queries: Queries, rows: slice, columns: slice) -> None:
    """Adds the competitors in a tile of images `rows` and captions `columns` to the counts."""
    for row in range(rows.start, rows.stop, _ROWS):
        for column in range(columns.start, columns.stop, _COLUMNS):
            _count_part(
                queries,
                slice(row, min(row + _ROWS, rows.stop)),
                slice(column, min(column + _COLUMNS, columns.stop)),
            )


def _count_part(queries: Queries, rows: slice, columns: slice) -> None:
    image, image_of = queries.images.distinct(rows)
    text, text_of = queries.texts.distinct(columns)
    scores = queries.images.take(image).double() @ queries.texts.take(text).double().T
    tile = scores.index_select(0, image_of).index_select(1, text_of)
    queries.drop_positives(tile, rows, columns)
    image_band, text_band = queries.bands(rows, columns, torch.float64)
    near = _within(tile, image_band.lower[:, None], image_band.upper[:, None]) | _within(
        tile, text_band.lower, text_band.upper
    )
    i, j = near.nonzero().unbind(1)
    doubtful = torch.zeros_like(scores, dtype=torch.bool)
    doubtful[image_of.index_select(0, i), text_of.index_select(0, j)] = True
    a, b = doubtful.nonzero().unbind(1)
    scores[a, b] = exact_scores(
        queries.images, queries.texts, image[a], text[b], compiled=queries.compiled
    )
    tile = scores.index_select(0, image_of).index_select(1, text_of)
    queries.drop_positives(tile, rows, columns)
    queries.image_rank[rows] += (tile >= queries.image_threshold[rows, None]).sum(1)
    queries.text_rank[columns] += (tile >= queries.text_threshold[columns]).sum(0)


def _within(tile: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    return (tile >= lower) & (tile <= upper)
