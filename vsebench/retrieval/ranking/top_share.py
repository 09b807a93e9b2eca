"""Number of relevant items among a query's first R, for R in the thousands and relevance given as a
matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.tile_count import Band
from vsebench.retrieval.ranking.scored import Transposed, reach, row_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.scored import Items

_COMPILE_FROM = 4_000_000  # pairs that repay loading numba
_COLUMNS, _SCORED_COLUMNS = 4096, 64  # items at a time


@dataclass(frozen=True)
class Scored:
    """Scores of b queries with every item, to within rounding.

    Attributes:
        values: [b, m] as computed.
        around: function that gives, for the R-th largest value of each query [b], the values whose
            order with the R-th largest true score is unknown.
        settle: the true scores of pairs (row, item), or equal numbers where what is unknown is a
            tie.
    """

    values: Tensor
    around: Callable[[Tensor], Band]
    settle: Callable[[Tensor, Tensor], Tensor]

    @cached_property
    def rising(self) -> Tensor:
        """The values of each query in rising order, [b, m]."""
        if self.values.device.type == "cpu":  # NumPy's sort is vectorised
            return torch.from_numpy(np.sort(self.values.numpy(), axis=1))
        return self.values.sort(1).values


class Ranked(Protocol):
    """Queries and items that give rows of scores."""

    @property
    def queries(self) -> Rows | Items: ...
    @property
    def items(self) -> Rows | Items: ...
    def among(self, queries: np.ndarray, items: np.ndarray) -> Ranked:
        """Some of the queries and of the items, copied."""
        ...

    def reversed(self) -> Ranked:
        """The items as queries, not copied."""
        ...

    def scored(self, part: slice) -> Scored:
        """Scores of some queries."""
        ...


class ExactRows:
    """Inner products."""

    def __init__(self, queries: Rows, items: Rows) -> None:
        self.queries, self.items = queries, items
        self._compiled = len(queries) * len(items) >= _COMPILE_FROM

    def among(self, queries: np.ndarray, items: np.ndarray) -> ExactRows:
        rows, columns = (
            torch.from_numpy(index).to(self.queries.device) for index in (queries, items)
        )
        return ExactRows(self.queries.select(rows), self.items.select(columns))

    def reversed(self) -> ExactRows:
        return ExactRows(self.items, self.queries)

    def scored(self, part: slice) -> Scored:
        block = self.queries.block(part)
        norms, largest = self.queries.norms[part], self.items.norms
        values = torch.cat(
            [
                block @ self.items.block(slice(start, start + _COLUMNS)).T
                for start in range(0, len(self.items), _COLUMNS)
            ],
            dim=1,
        )

        def bounds(score: Tensor) -> Band:
            return undecided(score.double(), norms, largest, self.items.width, values.dtype)

        def around(score: Tensor) -> Band:
            # Twice: the R-th largest value and the value compared are both that far from exact
            near = bounds(score)
            return Band(bounds(near.lower).lower, bounds(near.upper).upper)

        return Scored(values, around, lambda row, item: self._exact(row + part.start, item))

    def _exact(self, query: Tensor, item: Tensor) -> Tensor:
        """float64 [P]; equal pairs of rows, of which a collapsed model has many, are computed
        once.
        """
        pair = self.queries.identity[query] * len(self.items) + self.items.identity[item]
        distinct, which = torch.unique(pair, return_inverse=True)
        first = torch.empty_like(distinct)
        # Any of several equal pairs will do
        first[which] = torch.arange(len(which), device=which.device)
        return exact_scores(
            self.queries, self.items, query[first], item[first], compiled=self._compiled
        )[which]


class ScoredRows:
    """Another similarity, in float64; scores within its tolerance of each other are ties."""

    def __init__(self, queries: Items, items: Items, similarity: Similarity) -> None:
        self.queries, self.items, self._similarity = queries, items, similarity

    def among(self, queries: np.ndarray, items: np.ndarray) -> ScoredRows:
        rows, columns = (
            torch.from_numpy(index).to(self.queries.device) for index in (queries, items)
        )
        return ScoredRows(self.queries.select(rows), self.items.select(columns), self._similarity)

    def reversed(self) -> ScoredRows:
        return ScoredRows(self.items, self.queries, Transposed(self._similarity))

    def scored(self, part: slice) -> Scored:
        rows = torch.arange(part.start, part.stop, device=self.queries.device)
        values = row_scores(self.queries, self.items, rows, self._similarity, _SCORED_COLUMNS)
        return Scored(
            values,
            lambda score: Band(reach(score), -reach(-score)),
            lambda row, _: torch.zeros(len(row), device=row.device),
        )


def relevant_among_first(scored: Scored, relevant: Tensor, size: Tensor) -> Tensor:
    """Number of each query's R relevant items among its first R; among equal scores the relevant
    stand last.

    Args:
        scored: scores of b queries with m items.
        relevant: bool [b, m].
        size: int64 [b], R, true values in each row, at least one.

    Returns:
        int64 [b].
    """
    values, items = scored.values, scored.values.shape[1]
    band = scored.around(scored.rising.gather(1, items - size[:, None]).squeeze(1))
    above = values > band.upper[:, None]
    row, column = ((values >= band.lower[:, None]) & ~above).nonzero().unbind(1)
    slots = (
        size - items + torch.searchsorted(scored.rising, band.upper[:, None], right=True).squeeze(1)
    )
    wanted = relevant[row, column]
    # By query, then by falling score, then the irrelevant first.
    order = wanted.long().argsort(stable=True)
    order = order[scored.settle(row, column)[order].argsort(descending=True, stable=True)]
    order = order[row[order].argsort(stable=True)]
    row, wanted = row[order], wanted[order]
    counts = torch.bincount(row, minlength=len(values))
    within = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    taken = wanted & (within < slots[row])
    return count(above & relevant) + torch.bincount(row[taken], minlength=len(values))


def count(mask: Tensor) -> Tensor:
    """True values in each row of a mask [b, m], int64 [b]."""
    if mask.device.type == "cpu":  # NumPy's count is vectorised
        return torch.from_numpy(np.count_nonzero(mask.numpy(), axis=1))
    return mask.sum(1)
