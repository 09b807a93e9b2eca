"""Rows as cells of text: the columns that a person reads. CSV and JSON hold everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.results.record import RECALLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.report.rows import Block, Entry, Row, Value

ABSENT = "–"
COLLAPSED = "†"
"""Marks the RSUM of a row with a collapsed run; a note under the table names it."""


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        heads: two lines for each column.
        body: one list of cells per row.
        words: how many columns, from the left, hold words; the others hold numbers.
    """

    heads: list[tuple[str, str]]
    body: list[list[str]]
    words: int


@dataclass(frozen=True)
class _Column:
    head: tuple[str, str]
    cell: Callable[[Block, Entry], str]


def heading(block: Block) -> str:
    """What a block of the table is about."""
    section = block.section
    similarity = [f"similarity {section.similarity}"] if section.similarity != "dot" else []
    apart = [", ".join(section.apart[:3]) + (", …" if len(section.apart) > 3 else "")] if section.apart else []
    return " · ".join([section.dataset, "test", *similarity, *apart])


def whole(block: Block) -> Grid:
    """Every column in one table."""
    return _grid(block, [*_NAMES, *_QUALITY, *_COST])


def halves(block: Block) -> list[Grid]:
    """Quality and cost as two tables, for narrow terminals."""
    return [_grid(block, [*_NAMES, *_QUALITY]), _grid(block, [*_NAMES, *_COST])]


def _grid(block: Block, columns: list[_Column]) -> Grid:
    return Grid([c.head for c in columns], [[c.cell(block, entry) for c in columns] for entry in block.entries], words=2)


def _word(key: str) -> _Column:
    return _Column(("", key), lambda _, entry: str(entry.row[key]))


def _seeds(_: Block, entry: Entry) -> str:
    done, failed = entry.row["seeds"], entry.row["failed_seeds"]
    return f"{done} of {int(done or 0) + int(failed or 0)}" if failed else str(done)


def _recall(key: str) -> _Column:
    side, k = key.split("_r")
    return _Column((side, f"R@{k}"), lambda _, entry: _fixed(entry.row[key], 1))


def _rsum(_: Block, entry: Entry) -> str:
    half = _half_width(entry.row)
    return _fixed(entry.row["rsum"], 1) + ("" if half is None else f" ±{half:.1f}") + (f" {COLLAPSED}" if entry.row["collapsed_seeds"] else "")


def _half_width(row: Row) -> float | None:
    low, high = row["rsum_lo"], row["rsum_hi"]
    return (high - low) / 2 if isinstance(low, float) and isinstance(high, float) else None


def _steps(block: Block, entry: Entry) -> str:
    """Steps to the target; how many seeds reached it where some did not."""
    if block.target.rsum is None or not entry.row["seeds"]:
        return ABSENT
    if entry.row["steps_to_target"] is None:
        return f"{entry.reached or 'none'} of {entry.row['seeds']}" if entry.row["seeds"] != 1 else "never"
    return _fixed(entry.row["steps_to_target"], 0)


def _seconds(key: str) -> Callable[[Block, Entry], str]:
    return lambda _, entry: _fixed(entry.row[key], _places(entry.row[key]))


def _places(value: Value) -> int:
    return 1 if isinstance(value, (int, float)) and value < 100 else 0


def _fixed(value: Value, places: int) -> str:
    return f"{value:.{places}f}" if isinstance(value, (int, float)) else ABSENT


_NAMES = [_word("pooling"), _word("loss"), _Column(("", "seeds"), _seeds)]
_QUALITY = [*(_recall(key) for key in RECALLS), _Column(("", "RSUM"), _rsum)]
_COST = [
    _Column(("steps to", "target"), _steps),
    _Column(("s to", "target"), _seconds("seconds_to_target")),
    _Column(("total", "s"), _seconds("total_seconds")),
]
