"""Graded relevance by ids: the files that hold it (text lines, CSV and JSON), and its translation
to rows of a collection.
"""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from vsebench.data.reading import read_lines
from vsebench.plugin import DataError
from vsebench.plugin.errors import did_you_mean
from vsebench.text import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Direction = Literal["i2t", "t2i", "t2t", "i2i"]
"""Queries and items: images to texts, texts to images, and within either."""

DIRECTIONS: tuple[Direction, ...] = ("i2t", "t2i", "t2t", "i2i")

ABSENT = -1
"""The row of an item that the collection lacks."""

_COLUMNS: dict[Direction, tuple[str, str]] = {
    "i2t": ("image", "caption"),
    "i2i": ("image1", "image2"),
    "t2t": ("caption1", "caption2"),
}
_GRADES = ("grade", "agg_score")  # the second is CxC's


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


Judgement = tuple[str, str, float]


def read_relevance(path: Path) -> Relevance:
    """Reads a relevance file by its ending: `.json`, `.csv`, and anything else as text lines.

    * Text: `image caption grade` a line, separated by tabs (or, in a line without tabs, by blanks);
      without a grade it is 1.
    * CSV: a header with `image,caption`, `image1,image2` or `caption1,caption2`, and `grade` (or
      `agg_score`) if grades differ.
    * JSON: an object with any of `i2t`, `t2i`, `t2t`, `i2i`, each `{query: [item, …]}` or
      `{query: {item: grade}}`.

    Judgements of images and captions serve both directions; in JSON `t2i`, where it is given, need
    not be `i2t` reversed. Those of two images or two captions hold both ways in a CSV, and as
    written in JSON.

    Raises:
        DataError: the file is missing or malformed, a grade is not a finite number of at least 0,
            or a pair is judged twice.
    """
    if path.suffix == ".json":
        return _read_json(path)
    direction, judgements = _read_csv(path) if path.suffix == ".csv" else ("i2t", _read_text(path))
    pairs = list(judgements)
    if direction == "i2t":
        relation = _relation(path, pairs)
        return {"i2t": relation, "t2i": relation.reversed()}
    written = {(a, b) for a, b, _ in pairs}
    return {
        cast("Direction", direction): _relation(
            path, [*pairs, *((b, a, grade) for a, b, grade in pairs if (b, a) not in written)]
        )
    }


def _read_text(path: Path) -> Iterator[Judgement]:
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) not in (2, 3):
            raise DataError(
                f"{path}, line {number}, has {len(fields)} fields, expected IMAGE CAPTION GRADE "
                "(or IMAGE CAPTION) separated by tabs"
            )
        yield (
            fields[0],
            fields[1],
            _grade(fields[2] if len(fields) > 2 else 1, f"{path}, line {number}"),
        )


def _read_csv(path: Path) -> tuple[str, Iterator[Judgement]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        header, *rows = list(reader) or [[]]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}, is not CSV: {error}") from error
    direction = next((d for d, names in _COLUMNS.items() if set(names) <= set(header)), None)
    if direction is None:
        known = ", ".join("/".join(names) for names in _COLUMNS.values())
        raise DataError(
            f"{path} has columns {','.join(header)}, expected one of the pairs {known}, and grade "
            "if grades differ"
        )
    first, second = (header.index(name) for name in _COLUMNS[direction])
    graded = next((header.index(name) for name in _GRADES if name in header), None)

    def judgements() -> Iterator[Judgement]:
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise DataError(
                    f"{path}, row {number}, has {len(row)} fields, expected {len(header)} as in "
                    "the header"
                )
            yield (
                row[first],
                row[second],
                _grade(1 if graded is None else row[graded], f"{path}, row {number}"),
            )

    return direction, judgements()


def _read_json(path: Path) -> Relevance:
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path} must be an object with any of {', '.join(DIRECTIONS)}")
    relevance: dict[Direction, Relation] = {}
    for direction, judged in content.items():
        if direction not in DIRECTIONS:
            raise DataError(
                f"{path} has an unknown direction '{direction}': "
                f"{did_you_mean(direction, DIRECTIONS)}"
            )
        relevance[direction] = _relation(path, list(_of_object(path, direction, judged)))
    if "i2t" in relevance:
        relevance.setdefault("t2i", relevance["i2t"].reversed())
    elif "t2i" in relevance:
        relevance["i2t"] = relevance["t2i"].reversed()
    return relevance


def _of_object(path: Path, direction: str, judged: Any) -> Iterator[Judgement]:
    if not isinstance(judged, dict):
        raise DataError(
            f"{path}: '{direction}' must map each query to a list of items or to an object of "
            "grades"
        )
    for query, items in judged.items():
        if not isinstance(items, (dict, list)):
            raise DataError(
                f"{path}: '{direction}' of '{query}' must be a list of items or an object of grades"
            )
        graded: Iterable[tuple[Any, Any]] = (
            items.items() if isinstance(items, dict) else ((item, 1) for item in items)
        )
        for item, grade in graded:
            yield (
                query,
                str(item),
                _grade(grade, f"{path}: '{direction}' of '{query}', item '{item}',"),
            )


def _grade(value: object, where: str) -> float:
    try:
        grade = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        grade = math.nan
    if not 0 <= grade < math.inf:
        raise DataError(f"{where} has the grade {str(value)!r}, expected a number of at least 0")
    return grade


def _relation(path: Path, judgements: list[Judgement]) -> Relation:
    if not judgements:
        raise DataError(f"{path} holds no judgement")
    seen: set[tuple[str, str]] = set()
    for query, item, _ in judgements:
        if (query, item) in seen:
            raise DataError(f"{path} judges '{query}' and '{item}' twice: give each pair once")
        seen.add((query, item))
    queries, items, grades = zip(*judgements, strict=True)
    return Relation(queries, items, np.array(grades, np.float64), str(path))
