"""Graded relevance by ids, and its translation to rows of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Direction = Literal["i2t", "t2i", "t2t", "i2i"]
"""Queries and items: images to texts, texts to images, and within either."""

DIRECTIONS: tuple[Direction, ...] = ("i2t", "t2i", "t2t", "i2i")

ABSENT = -1
"""The row of an item that the collection lacks."""


@dataclass(frozen=True, eq=False)
class Relation:
    """Judged pairs of one direction; pair p is query `queries[p]` and item `items[p]` with grade
    `grades[p]`.

    Attributes:
        queries: ids.
        items: ids.
        grades: float64, finite and at least 0.
        source: the file or package, for errors.
    """

    queries: Sequence[str]
    items: Sequence[str]
    grades: np.ndarray
    source: str

    def reversed(self) -> Relation:
        """The same judgements with items as queries."""
        return Relation(self.items, self.queries, self.grades, self.source)


Relevance: TypeAlias = "Mapping[Direction, Relation]"


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """A relation by rows: int64 [p] `queries` and `items` (`ABSENT` for one that the collection
    lacks) and float64 [p] `grades`.
    """

    queries: np.ndarray
    items: np.ndarray
    grades: np.ndarray


def judged_rows(
    relation: Relation,
    direction: Direction,
    ids: Mapping[Literal["i", "t"], Sequence[str]],
    *,
    allow_absent: bool = False,
) -> JudgedRows:
    """Translates ids to rows.

    Args:
        relation: the judgements.
        direction: which side its queries and its items are on.
        ids: ids of the images (`i`) and of the captions (`t`), in the order of their rows.
        allow_absent: items without a row are kept as `ABSENT`, as relevant as ever and never found;
            otherwise they are an error.

    Raises:
        DataError: an id has no row, or stands for several.
    """
    side_of: dict[str, Literal["i", "t"]] = {"i": "i", "t": "t"}
    query_side, item_side = side_of[direction[0]], side_of[direction[2]]
    queries = _rows(
        relation.queries, ids[query_side], query_side, relation.source, allow_absent=False
    )
    items = _rows(
        relation.items, ids[item_side], item_side, relation.source, allow_absent=allow_absent
    )
    return JudgedRows(queries, items, relation.grades)


def _rows(
    wanted: Sequence[str],
    ids: Sequence[str],
    side: Literal["i", "t"],
    source: str,
    *,
    allow_absent: bool,
) -> np.ndarray:
    what = "image" if side == "i" else "caption"
    row = {name: number for number, name in enumerate(ids)}
    if len(row) < len(ids):
        twice = next(name for number, name in enumerate(ids) if row[name] != number)
        raise DataError(f"two {what}s have the id '{twice}': give every {what} an id of its own")
    rows = np.array([row.get(name, ABSENT) for name in wanted], np.int64)
    if not allow_absent and (rows == ABSENT).any():
        unknown = wanted[int((rows == ABSENT).argmax())]
        raise DataError(
            f"{source} judges {what} '{unknown}', which is none of the {len(ids):,} {what}s "
            f"(their ids run from '{ids[0]}' to '{ids[-1]}'): name the ids of the rows with "
            f"--{'image' if side == 'i' else 'text'}-ids FILE, one a line"
        )
    return rows
