"""Rows as cells of text: the columns that a person reads. CSV and JSON hold everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    similarity = [f"similarity {section.similarity}"] if section.similarity not in ("", "dot") else []
    apart = [", ".join(section.apart[:3]) + (", …" if len(section.apart) > 3 else "")] if section.apart else []
    return " · ".join([section.dataset, "test", *similarity, *apart])


def whole(block: Block) -> Grid:
    """Every column in one table."""
    return _grid(block, [*_names(block), *_quality(block), *_measured(block), *_cost(block)])


def halves(block: Block) -> list[Grid]:
    """Quality and cost as two tables, for narrow terminals."""
    return [_grid(block, [*_names(block), *_quality(block), *_measured(block)]), _grid(block, [*_names(block), *_cost(block)])]


def _grid(block: Block, columns: list[_Column]) -> Grid:
    words = 2 + _has_samplers(block)
    return Grid([c.head for c in columns], [[c.cell(block, entry) for c in columns] for entry in block.entries], words)


def _word(key: str) -> _Column:
    return _Column(("", key), lambda _, entry: str(entry.row[key]))


def _seeds(_: Block, entry: Entry) -> str:
    done, failed = entry.row["seeds"], entry.row["failed_seeds"]
    return f"{done} of {int(done or 0) + int(failed or 0)}" if failed else str(done)


def _recall(key: str) -> _Column:
    side, k = key.split("_r")
    return _Column((side, f"R@{k}"), lambda _, entry: _fixed(entry.row[key], 1))


def _fraction(key: str) -> _Column:
    kind, _, k = key.partition("_at_")
    return _Column(("", f"{kind.upper()}@{k}" if k else kind.upper()), lambda _, entry: _fixed(entry.row[key], 4))


def _headline(block: Block, entry: Entry) -> str:
    key, places = block.section.table.headline, block.section.table.places
    half = _half_width(entry.row, key)
    spread = "" if half is None else f" ±{half:.{places}f}"
    return _fixed(entry.row[key], places) + spread + (f" {COLLAPSED}" if entry.row["collapsed_seeds"] else "")


def _half_width(row: Row, key: str) -> float | None:
    low, high = row[f"{key}_lo"], row[f"{key}_hi"]
    return (high - low) / 2 if isinstance(low, float) and isinstance(high, float) else None


def _steps(block: Block, entry: Entry) -> str:
    """Steps to the target; how many seeds reached it where some did not."""
    if block.target.quality is None or not entry.row["seeds"]:
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


def _names(block: Block) -> list[_Column]:
    sampler = [_Column(("", "sampler"), lambda _, entry: str(entry.row["sampler"] or ABSENT))] if _has_samplers(block) else []
    keys = dict.fromkeys(key for entry in block.entries for key in entry.tuned)
    tuned = [_Column(("", key), lambda _, entry, key=key: f"{entry.tuned.get(key, ABSENT)}") for key in keys]  # type: ignore[misc]  # bound now
    return [_word(block.section.table.compared), _word("loss"), *sampler, *tuned, _Column(("", "seeds"), _seeds)]


def _has_samplers(block: Block) -> bool:
    """Whether some of its losses draw global negatives."""
    return block.section.table.compared != "sampler" and any(entry.row["sampler"] is not None for entry in block.entries)


def _quality(block: Block) -> list[_Column]:
    table = block.section.table
    column = _recall if table.compared == "pooling" else _fraction
    return [*(column(key) for key in table.with_interval if key != table.headline), _Column(("", table.headline_name), _headline)]


def _measured(block: Block) -> list[_Column]:
    """The columns of plugins, whose scale is not known: four significant digits."""
    return [_Column(("", name), lambda _, entry, name=name: _significant(entry.row[name])) for name in block.section.columns]  # type: ignore[misc]  # bound now


def _significant(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else ABSENT


def _cost(block: Block) -> list[_Column]:
    steps, extra = "steps to", list[_Column]()
    if block.section.table.compared == "sampler":
        steps, extra = "updates to", [_Column(("sampling", "s"), _sampling_seconds), _Column(("refresh", "s"), _seconds("refresh_seconds"))]
    return [
        _Column((steps, "target"), _steps),
        _Column(("s to", "target"), _seconds("seconds_to_target")),
        _Column(("total", "s"), _seconds("total_seconds")),
        *extra,
    ]


def _sampling_seconds(_: Block, entry: Entry) -> str:
    updates, pace = entry.row["samples_seen"], entry.row["draws_per_second"]
    if not isinstance(updates, (int, float)) or not isinstance(pace, (int, float)):
        return ABSENT
    return _fixed(updates / pace, _places(updates / pace))
