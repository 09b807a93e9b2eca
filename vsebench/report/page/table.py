"""A block's table as cells that a page can show and sort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.layout import ABSENT, columns, marks
from vsebench.report.page.explain import explain
from vsebench.report.wording import percent

if TYPE_CHECKING:
    from vsebench.report.evidence import Reason
    from vsebench.report.layout import Column
    from vsebench.report.rows import Block, Entry, Value


class Head(NamedTuple):
    """Of a column.

    Attributes:
        key: key of the row's value.
        over: the upper line; may be empty.
        name: the lower line.
        about: what it holds; may be empty.
        words: whether it holds words; else numbers.
    """

    key: str
    over: str
    name: str
    about: str
    words: bool


class Cell(NamedTuple):
    """Of a row and a column.

    Attributes:
        text: what is read.
        spread: half-width of the interval; empty where there is none.
        marks: why the row is no evidence; mostly empty.
        value: the number in full, by which rows are sorted; None where none is known, and of words.
        about: the interval in full; may be empty.
    """

    text: str
    spread: str = ""
    marks: tuple[Reason, ...] = ()
    value: float | None = None
    about: str = ""


@dataclass(frozen=True)
class Table:
    """Heads, and a list of cells for each row."""

    heads: list[Head]
    rows: list[list[Cell]]


def main_table(block: Block) -> Table:
    """What the other formats show, each mean with its interval; what was tuned comes last, so that
    it pushes no result out of sight.
    """
    tuned = {key for entry in block.entries for key in entry.tuned}
    chosen = sorted(columns(block), key=lambda column: column.key in tuned)
    heads = [
        Head(column.key, *column.head, explain(column.key, block), column.words)
        for column in chosen
    ]
    return Table(
        heads, [[_cell(block, entry, column) for column in chosen] for entry in block.entries]
    )


def full_table(block: Block) -> Table:
    """Every key of the rows, as in the JSON."""
    keys = list(block.entries[0].row)
    words = [any(isinstance(entry.row[key], str | list) for entry in block.entries) for key in keys]
    heads = [
        Head(key, "", key, explain(key, block), word) for key, word in zip(keys, words, strict=True)
    ]
    return Table(heads, [[_plain(entry.row[key]) for key in keys] for entry in block.entries])


def _cell(block: Block, entry: Entry, column: Column) -> Cell:
    value = entry.row.get(column.key, entry.tuned.get(column.key))
    return Cell(
        column.cell(block, entry),
        column.spread(entry),
        marks(block, entry, column),
        _number(value),
        _interval(block, entry, column.key),
    )


def _interval(block: Block, entry: Entry, key: str) -> str:
    low, high = (_number(entry.row.get(f"{key}_{end}")) for end in ("lo", "hi"))
    return (
        ""
        if low is None or high is None
        else f"{percent(block.level)} interval {low:.4g} … {high:.4g}"
    )


def _plain(value: Value) -> Cell:
    if isinstance(value, float):
        return Cell(f"{value:.6g}", value=value)
    if isinstance(value, list):
        return Cell("; ".join(value) or ABSENT)
    return Cell(ABSENT if value is None else str(value), value=_number(value))


def _number(value: Value) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
