"""Graded, many-to-many relevance of a collection's items to queries, and the places of judged items
in their queries' lists.

Ties count against the model. Of two items with equal scores the less relevant stands first, and an
unjudged item before any judged one: the worst list that the scores allow, as for a rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABSENT = -1
"""Stands for an item that the collection lacks: where it is relevant it counts as relevant, and it
is never found.
"""


NEVER = np.iinfo(np.int64).max
"""The place of an item that the collection lacks."""


class Lists(NamedTuple):
    """Contents of a query's ranked list.

    Attributes:
        condensed: judged items only.
        same: queries and items are one set, and the query's own row is in no list.
    """

    condensed: bool = False
    same: bool = False


@dataclass(frozen=True, eq=False)
class Judgements:
    """Known relevance of items to queries in one direction; everything else is unjudged.

    Attributes:
        queries: int64 [q], ascending: the rows of the queries that have a judgement.
        offsets: int64 [q + 1]; the judgements of query k are those from offsets[k] to offsets[k +
            1], at least one.
        items: int64 [p], rows of the collection, or `ABSENT`.
        grades: float64 [p], 0 for irrelevant and more the more relevant.
    """

    queries: np.ndarray
    offsets: np.ndarray
    items: np.ndarray
    grades: np.ndarray

    @classmethod
    def from_pairs(cls, queries: np.ndarray, items: np.ndarray, grades: np.ndarray) -> Judgements:
        """From pairs in any order.

        Args:
            queries: int64 [p], the row of each pair's query.
            items: int64 [p], the row of its item, or `ABSENT`.
            grades: [p], finite and not negative.

        Raises:
            DataError: there are none, a grade is negative or not finite, or an item is judged twice
                for one query.
        """
        if len(queries) == 0:
            raise DataError("there are no judgements")
        grades = np.asarray(grades, np.float64)
        if len(bad := np.flatnonzero(~((grades >= 0) & np.isfinite(grades)))):
            raise DataError(
                f"the grade of query {queries[bad[0]]} and item {items[bad[0]]} is "
                f"{grades[bad[0]]}: grades are finite and at least 0"
            )
        order = np.lexsort((items, queries))
        queries, items = np.asarray(queries, np.int64)[order], np.asarray(items, np.int64)[order]
        again = (np.diff(queries) == 0) & (np.diff(items) == 0) & (items[1:] != ABSENT)
        if again.any():
            first = int(again.argmax())
            raise DataError(
                f"item {items[first]} is judged twice for query {queries[first]}: give each pair "
                "once"
            )
        rows, starts = np.unique(queries, return_index=True)
        return cls(rows, np.append(starts, len(items)), items, grades[order])

    @cached_property
    def query_of(self) -> np.ndarray:
        """int64 [p], the position in `queries` of each judgement's query."""
        return np.repeat(np.arange(len(self.queries)), np.diff(self.offsets))

    def check(self, queries: int, items: int) -> None:
        """Makes sure that every row exists.

        Raises:
            DataError: a query or an item is out of range.
        """
        for what, rows, size, lowest in (
            ("query", self.queries, queries, 0),
            ("item", self.items, items, ABSENT),
        ):
            if len(bad := np.flatnonzero((rows < lowest) | (rows >= size))):
                raise DataError(
                    f"a judgement names {what} {rows[bad[0]]}: they are numbered 0 to {size - 1:,}"
                )

    def parts(self, size: int) -> Iterator[Judgements]:
        """The same judgements, at most `size` queries at a time."""
        for start in range(0, len(self.queries), size):
            stop = min(start + size, len(self.queries))
            pairs = slice(self.offsets[start], self.offsets[stop])
            yield Judgements(
                self.queries[start:stop],
                self.offsets[start : stop + 1] - pairs.start,
                self.items[pairs],
                self.grades[pairs],
            )


def with_siblings(judged: Judgements, owner: np.ndarray) -> Judgements:
    """Judgements of captions by captions in which those of the same image are relevant to each
    other, with the highest grade there is.

    So CxC's text-to-text retrieval has it (Parekh et al. 2021, section 5), whatever raters said of
    such a pair.

    Args:
        judged: captions by captions.
        owner: int64 [m], the image of each caption.
    """
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner)
    size = counts[owner[order]]
    start = (np.cumsum(counts) - counts)[owner[order]]
    query = np.repeat(order, size)
    within = np.arange(len(query)) - np.repeat(np.cumsum(size) - size, size)
    item = order[np.repeat(start, size) + within]
    other = query != item
    kept = (judged.items == ABSENT) | (
        owner[judged.queries[judged.query_of]] != owner[judged.items]
    )
    return Judgements.from_pairs(
        np.concatenate([judged.queries[judged.query_of][kept], query[other]]),
        np.concatenate([judged.items[kept], item[other]]),
        np.concatenate([judged.grades[kept], np.full(int(other.sum()), judged.grades.max())]),
    )


def place(
    judged: Judgements, scores: np.ndarray, outside: Callable[[np.ndarray], np.ndarray] | None
) -> np.ndarray:
    """Places from 0 of every judged item in its query's list.

    Args:
        judged: the judgements.
        scores: float64 [p] of the judged items; of an absent one, anything.
        outside: function that, given thresholds, float64 [q, K] ascending in each row and filled up
            with infinity, says how many unjudged items score at least as high as each, int64 [q,
            K]. None where the list holds judged items only.

    Returns:
        int64 [p].
    """
    present = np.flatnonzero(judged.items != ABSENT)
    # From the last place to the first
    present = present[
        np.lexsort((-judged.grades[present], scores[present], judged.query_of[present]))
    ]
    query = judged.query_of[present]
    sizes = np.bincount(query, minlength=len(judged.queries))
    within = np.arange(len(present)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = sizes[query] - 1 - within
    if outside is not None and len(present):
        thresholds = np.full((len(sizes), sizes.max()), np.inf)
        thresholds[query, within] = scores[present]
        found = found + outside(thresholds)[query, within]
    places = np.full(len(judged.items), NEVER)
    places[present] = found
    return places
