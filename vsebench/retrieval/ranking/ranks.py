"""Exact ranks by counting, in blocks.

A query's rank is the number of items that do not belong to it and score at least as high as its
best match. Scores are `exact_dot` products, so that a rank is a function of the embeddings alone:
not of block size, device or threads. fp32 products over tiles decide all pairs but those within
their rounding bound of a threshold; only these are computed exactly. One product per tile serves
both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.exact_scores import exact_scores
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.tile_count import Band, count_above
from vsebench.retrieval.ranking.queries import Queries
from vsebench.retrieval.ranking.saturated import count_saturated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vsebench.kernels.rows import Rows

_CAPTIONS_PER_IMAGE = (
    8  # of a tile: wide tiles suit the product, and sets have more captions than images
)
# pairs: a training run evaluates often enough to repay the half second that loading numba takes
_COMPILE_FROM = 4_000_000
_SATURATED = 1 / 64  # share of undecided pairs from which a tile is cheaper in float64 as a whole,
_FEW = 256  # unless there are no more than this


def count_ranks(images: Rows, texts: Rows, owner: Tensor, block: int) -> tuple[Tensor, Tensor]:
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
