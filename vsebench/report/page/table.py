"""A block's table as cells that a page can show and sort, with a sentence on each column, shown
where its head is pointed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.rows.progress import SHARE
from vsebench.report.tables.layout import ABSENT, best_entries, columns, external_text, marks
from vsebench.report.wording import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.report.rows.combinations import Block, Entry, Value
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.tables.layout import Column
    from vsebench.results.external import ExternalRow

_ARRIVAL = {"steps": "Optimiser steps", "epochs": "Epochs", "seconds": "Training seconds"}

_OWN: Mapping[str, str] = {
    "dataset": "Data set, as a component spec.",
    "task": "Retrieval of images and captions, or ranking of labels.",
    "protocol": "Preset of what is held equal, and what a row has besides.",
    "data_fingerprint": "Hash of the data.",
    "metric_version": "Raised when the definition of a metric changes.",
    "pooling": "Pooling operator, as a component spec; image side / text side where they differ.",
    "loss": "Loss, as a component spec.",
    "sampler": "Sampler of negatives, as a component spec.",
    "seeds": "Finished runs, one a seed; all figures are over these.",
    "failed_seeds": "Runs that failed, or could not start because one that they need failed.",
    "collapsed_seeds": "Finished runs whose last model no longer tells items apart.",
    "no_evidence": "Why the row is no evidence about its components; nothing where it is.",
    "train_seconds": "Seconds of the run's own optimiser steps.",
    "own_seconds": "The same with mining: what the row costs where its first round is there "
    "already.",
    "total_seconds": "Seconds of training with everything that the method needs first, without "
    "evaluation.",
    "own_cpu_seconds": "`own_seconds` as CPU seconds, which other load does not lengthen.",
    "total_cpu_seconds": "`total_seconds` as CPU seconds, which other load does not lengthen.",
    "tuning_seconds": "Seconds of the trials that chose what was tuned for the row, mean over "
    "studies.",
    "sampling_seconds": "Training seconds in which negatives were drawn.",
    "refresh_seconds": "Seconds that went into the sampler's tables.",
    "samples_seen": "Training pairs consumed.",
    "tower_forwards": "Items passed through a tower in training steps.",
    "parameters": "Trainable parameters.",
    "peak_memory_mb": "Peak memory in MiB, the largest over seeds.",
    "concurrency": "Runs at a time, at most, of the command that made them.",
    "updates_per_second": "Updates in a second of training.",
    "draws_per_second": "Negatives drawn in a second of sampling.",
    "violation_rate": "Share of updates whose negative is within the margin.",
    "false_negative_rate": "Share of drawn negatives that are held-out labels of their image, "
    "where those are known.",
}


def explain(key: str, block: Block) -> str:
    """What a column holds; empty where its name is all that is known.

    Args:
        key: key of the column.
        block: block that may hold the metric.
    """
    return _OWN.get(key) or _metrics(block).get(key) or _arrival(key)


def _metrics(block: Block) -> dict[str, str]:
    """Of every metric's keys."""
    said = {}
    for metric in block.section.metrics:
        lower = " Lower is better." if metric.better == "lower" else ""
        said[metric.key] = f"{metric.about}{lower}"
        for key in metric.row_keys[1:]:
            bound = "Lower" if key.endswith("_lo") else "Upper"
            alone = " over seeds alone" if key.endswith(("_seeds_lo", "_seeds_hi")) else ""
            said[key] = (
                f"{bound} end of the {percent(block.level)} interval of {metric.key}{alone}."
            )
    return said


def _arrival(key: str) -> str:
    unit, _, where = key.partition("_to_")
    if unit not in _ARRIVAL:
        return ""
    goal = (
        "to the dev quality that the baseline sets"
        if where == "target"
        else f"to {percent(SHARE)} of the run's own best dev quality"
    )
    return f"{_ARRIVAL[unit]} {goal}."


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
        best: whether no row is told to be better by it.
    """

    text: str
    spread: str = ""
    marks: tuple[Reason, ...] = ()
    value: float | None = None
    about: str = ""
    best: bool = False


@dataclass(frozen=True)
class Table:
    """Heads, and a list of cells for each row."""

    heads: list[Head]
    rows: list[list[Cell]]

    @property
    def best(self) -> bool:
        """Whether some figure is marked as the best of its column."""
        return any(cell.best for row in self.rows for cell in row)


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
    best = [best_entries(block, column) for column in chosen]
    rows = [
        [
            _cell(block, entry, column)._replace(best=i in found)
            for column, found in zip(chosen, best, strict=True)
        ]
        for i, entry in enumerate(block.entries)
    ]
    return Table(
        heads, rows + [[_external(block, row, c) for c in chosen] for row in block.external]
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


def _external(block: Block, row: ExternalRow, column: Column) -> Cell:
    return Cell(external_text(block, row, column), value=row.test.get(column.key))


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
