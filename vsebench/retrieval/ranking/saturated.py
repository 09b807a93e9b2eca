"""Counting in tiles where fp32 decides little: collapsed or nearly collapsed embeddings.

Such a tile is computed in float64, once for every distinct pair of rows, and pairs that float64
leaves undecided are computed exactly, again once each. Embeddings that are all the same cost one
product; embeddings that differ in their last bits cost a float64 matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.exact_scores import exact_scores

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.retrieval.ranking.queries import Queries

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
    image, image_of = distinct(queries.images, rows)
    text, text_of = distinct(queries.texts, columns)
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


def distinct(rows: Rows, part: slice) -> tuple[Tensor, Tensor]:
    """Indices of the distinct rows of a part, int64 [k], and which of the k each row equals,
    int64.
    """
    numbers, which = torch.unique(rows.identity[part], return_inverse=True)
    first = torch.empty_like(numbers)
    # Any of several equal rows will do
    first[which] = torch.arange(part.start, part.stop, device=first.device)
    return first, which
