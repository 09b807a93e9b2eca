"""Exact ranks by counting, in blocks.

A query's rank is the number of items that do not belong to it and score at least as high as its
best match. Scores are `exact_dot` products, so that a rank is a function of the embeddings alone:
not of block size, device or threads. fp32 products over tiles decide all pairs but those within
their rounding bound of a threshold; only these are computed exactly. One product per tile serves
both directions.

Where the CPU has instructions for products in bf16, these come first: they take half the time, and
of embeddings that have learnt something they decide nearly all pairs, since the scores that are
near that of the best match are few. What they leave undecided is computed exactly as well.

Where fp32 decides little (collapsed or nearly collapsed embeddings), a tile is computed in float64,
once for every distinct pair of rows, and pairs that float64 leaves undecided are computed exactly,
again once each. Embeddings that are all the same cost one product; embeddings that differ in their
last bits cost a float64 matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from vsebench.kernels.bounds import Rounded, undecided, undecided_in_bf16
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.gemm import has_bf16_products, true_float32
from vsebench.kernels.tile_count import Band, count_above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vsebench.kernels.rows import Rows


CAPTIONS_PER_IMAGE = 8
"""Of a tile: wide tiles suit the product, and sets have more captions than images."""

_COMPILE_FROM = 4_000_000
"""Pairs from which loading numba, half a second, is repaid: a training run evaluates often."""

_SATURATED = 1 / 64
"""Share of undecided pairs from which a whole tile is cheaper in float64."""

_WORTH_BF16 = 1 / 100
"""Share of pairs left undecided by bf16 from which a tile is cheaper in fp32."""

_FEW = 256
"""Undecided pairs that are always settled one by one."""

_SAMPLE = (64, 1024)
"""Images and captions of the sample that bf16 is tried on."""

_ROWS, _COLUMNS = 256, 1024
"""Images and captions of the parts in which a tile is computed in float64: 2 MiB of scores."""


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
        """What a tile's scores in `dtype` leave undecided, for its images and for its captions."""
        images, texts = self.images.norms[rows], self.texts.norms[columns]
        depth = self.images.width
        thresholds = self.image_threshold[rows], self.text_threshold[columns]
        if dtype != torch.bfloat16:
            return (
                undecided(thresholds[0], images, texts, depth, dtype),
                undecided(thresholds[1], texts, images, depth, dtype),
            )
        image = Rounded(images, self.images.lost_in_bf16[rows])
        text = Rounded(texts, self.texts.lost_in_bf16[columns])
        return (
            undecided_in_bf16(thresholds[0], image, text, depth),
            undecided_in_bf16(thresholds[1], text, image, depth),
        )

    def drop_positives(self, tile: Tensor, rows: slice, columns: slice) -> None:
        """Takes matching pairs out of a tile of scores, by index and not by value."""
        owner = self.owner[columns] - rows.start
        column = ((owner >= 0) & (owner < len(tile))).nonzero().squeeze(1)
        tile[owner[column], column] = -torch.inf


def exact_ranks(
    images: Rows, texts: Rows, owner: Tensor, block: int, *, screen: bool = True
) -> tuple[Tensor, Tensor]:
    """Ranks of all images among captions, and of all captions among images, from 0.

    Args:
        images: n embeddings.
        texts: m embeddings of the same width.
        owner: int64 [m], the image of each caption; every image has one at least.
        block: images per tile. Memory grows with its square: 9 MiB of scores at 512.
        screen: let products in bf16 come first where they save time; the ranks are the same.

    Returns:
        int64 [n] and int64 [m].
    """
    queries = Queries.start(
        images, texts, owner, compiled=len(images) * len(texts) >= _COMPILE_FROM
    )
    screen = screen and queries.compiled and owner.device.type == "cpu" and _bf16_decides(queries)
    dtypes = (torch.bfloat16, torch.float32) if screen else (torch.float32,)
    buffers = {
        dtype: torch.empty(CAPTIONS_PER_IMAGE * block * block, dtype=dtype, device=owner.device)
        for dtype in dtypes
    }
    with true_float32(fast=owner.device.type == "cpu"):
        for columns in slices(len(texts), CAPTIONS_PER_IMAGE * block):
            captions = {dtype: texts.block(columns, dtype) for dtype in dtypes}
            for rows in slices(len(images), block):
                for dtype in dtypes:
                    shape = rows.stop - rows.start, columns.stop - columns.start
                    tile = buffers[dtype][: shape[0] * shape[1]].view(shape)
                    torch.mm(images.block(rows, dtype), captions[dtype].T, out=tile)
                    if _counted(queries, tile, rows, columns):
                        break
                else:
                    count_saturated(queries, rows, columns)
    return queries.image_rank, queries.text_rank


def _bf16_decides(queries: Queries) -> bool:
    """Whether products in bf16 are fast here and leave few pairs of a sample undecided."""
    if not has_bf16_products():
        return False
    rows, columns = (
        slice(0, len(side), -(-len(side) // most))
        for side, most in zip((queries.images, queries.texts), _SAMPLE, strict=True)
    )
    tile = (
        queries.images.block(rows, torch.bfloat16) @ queries.texts.block(columns, torch.bfloat16).T
    )
    bands = queries.bands(rows, columns, torch.bfloat16)
    return count_above(tile, *bands, most_undecided(tile), compiled=queries.compiled) is not None


def slices(length: int, step: int) -> Iterator[slice]:
    """Consecutive parts of `step` items; the last may be smaller."""
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def most_undecided(tile: Tensor) -> int:
    """Most undecided pairs that are worth settling one by one."""
    share = _WORTH_BF16 if tile.dtype == torch.bfloat16 else _SATURATED
    return max(_FEW, int(tile.numel() * share))


def _counted(queries: Queries, tile: Tensor, rows: slice, columns: slice) -> bool:
    """Adds a tile's competitors to the counts, unless it leaves too many pairs undecided."""
    queries.drop_positives(tile, rows, columns)
    image_band, text_band = queries.bands(rows, columns, tile.dtype)
    counted = count_above(
        tile, image_band, text_band, most_undecided(tile), compiled=queries.compiled
    )
    if counted is None:
        return False
    queries.image_rank[rows] += counted.rows
    queries.text_rank[columns] += counted.columns
    i, j = counted.near.unbind(1)
    if len(i):
        near = Undecided(rows, columns, (image_band, text_band), (i, j), tile[i, j])
        settle(queries, near)
    return True


class Undecided(NamedTuple):
    """The undecided pairs of a tile.

    Attributes:
        rows: images of the tile.
        columns: captions of the tile.
        bands: the tile's undecided scores, for its images and for its captions.
        pairs: row and column of each pair within the tile, int64 [P] each.
        scores: scores [P] of the tile.
    """

    rows: slice
    columns: slice
    bands: tuple[Band, Band]
    pairs: tuple[Tensor, Tensor]
    scores: Tensor


def settle(queries: Queries, near: Undecided) -> None:
    """Adds to the counts the pairs whose exact scores reach the threshold of a query that had left
    them undecided.
    """
    i, j = near.pairs
    exact = exact_scores(
        queries.images,
        queries.texts,
        i + near.rows.start,
        j + near.columns.start,
        compiled=queries.compiled,
    )
    for query, band, threshold, rank in (
        (i, near.bands[0], queries.image_threshold[near.rows], queries.image_rank[near.rows]),
        (j, near.bands[1], queries.text_threshold[near.columns], queries.text_rank[near.columns]),
    ):
        left = (near.scores >= band.lower[query]) & (near.scores <= band.upper[query])
        rank.index_add_(0, query, (left & (exact >= threshold[query])).long())


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
