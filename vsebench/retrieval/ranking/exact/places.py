"""Places under the inner product, exact as ranks are: fp32 products over tiles, and float64 for
what their rounding leaves undecided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.tile_count import count_bins
from vsebench.retrieval.ranking.judgements import ABSENT, place

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.kernels.tile_count import Band
    from vsebench.retrieval.ranking.judgements import Judgements, Lists

_COLUMNS, _FLOAT64_COLUMNS = 4096, 1024  # items of a tile
_COMPILE_FROM = 4_000_000  # pairs that repay loading numba
_SATURATED = 1 / 64  # share of undecided scores from which a whole tile is cheaper in float64
_FEW = 256  # undecided scores that are always settled one by one
_AT_ONCE = 4096  # undecided scores that are sorted into their thresholds together


def exact_places(
    queries: Rows, items: Rows, judged: Judgements, lists: Lists, block: int
) -> np.ndarray:
    """Places from 0 of every judged item in its query's list.

    Args:
        queries: n embeddings.
        items: m embeddings of the same width, the collection.
        judged: judged items of any of the queries.
        lists: contents of a query's list.
        block: queries at a time.

    Returns:
        int64 [p].
    """
    compiled = len(judged.queries) * len(items) >= _COMPILE_FROM
    places = []
    with true_float32(fast=queries.device.type == "cpu"):
        for part in judged.parts(block):
            counter = _Counter(queries, items, part, same=lists.same, compiled=compiled)
            places.append(
                place(part, counter.judged_scores(), None if lists.condensed else counter.outside)
            )
    return np.concatenate(places)


def exact_best(queries: Rows, items: Rows, judged: Judgements, block: int) -> np.ndarray:
    """Number of unjudged items that score at least as high with a query as the best of its
    judged items, int64 [q].

    Args:
        queries: n embeddings.
        items: m embeddings of the same width.
        judged: each query's matches; nothing absent.
        block: queries at a time.
    """
    compiled = len(judged.queries) * len(items) >= _COMPILE_FROM
    found = []
    with true_float32(fast=queries.device.type == "cpu"):
        for part in judged.parts(block):
            counter = _Counter(queries, items, part, same=False, compiled=compiled)
            best = np.maximum.reduceat(counter.judged_scores(), part.offsets[:-1])
            found.append(counter.outside(best[:, None])[:, 0])
    return np.concatenate(found)


class _Counter:
    """Counts the items that compete with the judged items of a block of queries."""

    def __init__(
        self, queries: Rows, items: Rows, judged: Judgements, *, same: bool, compiled: bool
    ) -> None:
        self.device = queries.device
        self.rows = queries.select(self._tensor(judged.queries))
        self.items = items
        self.compiled = compiled
        self.judged = judged
        own = np.arange(len(judged.queries)) if same else np.empty(0, np.int64)
        self.hidden = (
            self._tensor(np.concatenate([judged.query_of, own])),
            self._tensor(np.concatenate([judged.items, judged.queries[own]])),
        )

    def judged_scores(self) -> np.ndarray:
        """float64 [p]; 0 for absent items."""
        present = np.flatnonzero(self.judged.items != ABSENT)
        scores = np.zeros(len(self.judged.items))
        scores[present] = (
            self._exact(
                self._tensor(self.judged.query_of[present]),
                self._tensor(self.judged.items[present]),
            )
            .cpu()
            .numpy()
        )
        return scores

    def outside(self, thresholds: np.ndarray) -> np.ndarray:
        """int64 [q, K], the unjudged items that score at least as high as each of the thresholds,
        [q, K] ascending.
        """
        edges = self._tensor(thresholds)
        counts = torch.zeros(len(edges), edges.shape[1] + 1, dtype=torch.int64, device=self.device)
        block = self.rows.block(slice(None))
        for start in range(0, len(self.items), _COLUMNS):
            columns = slice(start, min(start + _COLUMNS, len(self.items)))
            counts += self._count(block @ self.items.block(columns).T, edges, columns)
        return counts[:, 1:].flip(1).cumsum(1).flip(1).cpu().numpy()

    def _count(self, tile: Tensor, edges: Tensor, columns: slice) -> Tensor:
        """int64 [q, K + 1]: for b from 1, the unjudged items of a tile that reach the b lowest
        thresholds and no other.
        """
        self._hide(tile, columns)
        found = count_bins(
            tile,
            self._bands(edges, columns, tile.dtype),
            max(_FEW, int(tile.numel() * _SATURATED)),
            compiled=self.compiled,
        )
        if found is None:
            parts = range(columns.start, columns.stop, _FLOAT64_COLUMNS)
            return torch.stack(
                [
                    self._count_float64(
                        edges, slice(start, min(start + _FLOAT64_COLUMNS, columns.stop))
                    )
                    for start in parts
                ]
            ).sum(0)
        counts, near = found
        row, column = near.to(self.device).unbind(1)
        bins = _bins(edges, row, self._exact(row, column + columns.start))
        return counts.index_put_((row, bins), torch.ones_like(bins), accumulate=True)

    def _count_float64(self, edges: Tensor, columns: slice) -> Tensor:
        """As `_count` where fp32 decides little: collapsed embeddings; each distinct pair of rows
        is computed once.
        """
        first_row, row_of = self.rows.distinct(slice(0, len(self.rows)))
        first_item, item_of = self.items.distinct(columns)
        scores = self.rows.take(first_row).double() @ self.items.take(first_item).double().T
        tile = scores[row_of][:, item_of]
        self._hide(tile, columns)
        band = self._bands(edges, columns, tile.dtype)
        row, column = (
            (
                torch.searchsorted(band.upper, tile)
                != torch.searchsorted(band.lower, tile, right=True)
            )
            .nonzero()
            .unbind(1)
        )
        doubtful = torch.zeros_like(scores, dtype=torch.bool)
        doubtful[row_of[row], item_of[column]] = True
        a, b = doubtful.nonzero().unbind(1)
        scores[a, b] = self._exact(first_row[a], first_item[b])
        tile = scores[row_of][:, item_of]
        self._hide(tile, columns)
        bins = torch.searchsorted(edges, tile, right=True)
        return torch.zeros(
            len(edges), edges.shape[1] + 1, dtype=torch.int64, device=self.device
        ).scatter_add_(1, bins, torch.ones_like(bins))

    def _hide(self, tile: Tensor, columns: slice) -> None:
        """Takes judged items, and with `same` the query itself, out of a tile."""
        row, item = self.hidden
        inside = (item >= columns.start) & (item < columns.stop)
        tile[row[inside], item[inside] - columns.start] = -torch.inf

    def _bands(self, edges: Tensor, columns: slice, dtype: torch.dtype) -> Band:
        return undecided(
            edges, self.rows.norms[:, None], self.items.norms[columns], self.items.width, dtype
        )

    def _exact(self, row: Tensor, item: Tensor) -> Tensor:
        return exact_scores(self.rows, self.items, row, item, compiled=self.compiled)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def _bins(edges: Tensor, row: Tensor, scores: Tensor) -> Tensor:
    """int64 [P], how many thresholds of its row each score reaches."""
    parts = zip(torch.split(row, _AT_ONCE), torch.split(scores, _AT_ONCE), strict=True)
    return torch.cat(
        [
            torch.searchsorted(edges[rows], values[:, None], right=True).squeeze(1)
            for rows, values in parts
        ]
    )
