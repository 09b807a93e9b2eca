"""Rows as cells of text: the columns that a person reads. CSV and JSON hold everything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.rows.external import MARK
from vsebench.report.statistics.ties import best_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.plugin.metrics import Metric
    from vsebench.report.rows.combinations import Block, Entry, Row, Value
    from vsebench.report.rows.evidence import Reason
    from vsebench.results.external import ExternalRow

ABSENT = "–"
GAP = "  "
"""Between two columns of plain text."""

_WHOLE = 1000
"""Numbers from here on are shown without decimals."""


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        heads: two lines for each column.
        body: one list of cells per row.
        words: how many columns, from the left, hold words; the others hold numbers.
        best: the cells, by row and column from 0, whose figure is the best of its column.
        breaks: the columns before which a table that is too wide is cut; the first ends those that
            every part begins with. Without any it is cut after as many as there is room for.
    """

    heads: list[tuple[str, str]]
    body: list[list[str]]
    words: int
    best: frozenset[tuple[int, int]] = frozenset()
    breaks: tuple[int, ...] = ()

    @property
    def headers(self) -> list[str]:
        """The heads in one line each."""
        return [" ".join(head).strip() for head in self.heads]

    @property
    def sides(self) -> str:
        """`l` for each column of words, `r` for each of numbers."""
        return "l" * self.words + "r" * (len(self.heads) - self.words)

    @cached_property
    def widths(self) -> list[int]:
        """Characters of the widest cell of each column, heads among them."""
        columns = zip(*zip(*self.heads, strict=True), *self.body, strict=True)
        return [max(map(len, column)) for column in columns]

    @property
    def width(self) -> int:
        """Characters of a line in plain text."""
        return sum(self.widths) + len(GAP) * (len(self.widths) - 1)

    def parted(self, width: int) -> list[Grid]:
        """The table as it is where it fits into a width, else in parts that begin with the same
        columns.
        """
        if self.width <= width:
            return [self]
        names, *ends = self.breaks or self._breaks(width)
        return [
            self._taken([*range(names), *range(start, end)])
            for start, end in pairwise((names, *ends, len(self.heads)))
            if start < end
        ]

    def _breaks(self, width: int) -> list[int]:
        """Breaks that leave each part no wider than that, if the words and one more column fit."""
        room = width - sum(each + len(GAP) for each in self.widths[: self.words])
        breaks, used = [self.words], 0
        for j, each in enumerate(self.widths[self.words :], start=self.words):
            if used + each > room and j > breaks[-1]:
                breaks.append(j)
                used = 0
            used += each + len(GAP)
        return breaks

    def _taken(self, places: Sequence[int]) -> Grid:
        """Some of its columns, all those of words among them."""
        heads = [self.heads[j] for j in places]
        return Grid(heads, [[row[j] for j in places] for row in self.body], self.words)

    def written(self, escape: Callable[[str], str], bold: Callable[[str], str]) -> list[list[str]]:
        """The cells in a markup language, the best figures bold, without their intervals.

        Args:
            escape: writes a text in it.
            bold: makes what is written bold.
        """

        def cell(place: tuple[int, int], text: str) -> str:
            if place not in self.best:
                return escape(text)
            figure, space, rest = text.partition(" ")
            return f"{bold(escape(figure))}{space}{escape(rest)}"

        return [
            [cell((i, j), text) for j, text in enumerate(row)] for i, row in enumerate(self.body)
        ]


@dataclass(frozen=True)
class Column:
    """A column of a block's table.

    Attributes:
        head: two lines.
        key: key of the row's value that it shows; a key of its own where it is made from several.
        cell: its text for a row, without the interval.
        half: writes the half-width of the interval, where the value has one.
        words: whether it holds words.
        metric: the metric that it shows; None where it shows something else.
    """

    head: tuple[str, str]
    key: str
    cell: Callable[[Block, Entry], str]
    half: Callable[[float], str] | None = None
    words: bool = False
    metric: Metric | None = None

    def spread(self, entry: Entry) -> str:
        """The half-width of the interval, `±1.3`; empty where there is none."""
        width = _half_width(entry.row, self.key) if self.half is not None else None
        return f"±{self.half(width)}" if self.half is not None and width is not None else ""


def heading(block: Block) -> str:
    """What a block of the table is about."""
    section = block.section
    apart = (
        [", ".join(section.apart[:3]) + (", …" if len(section.apart) > 3 else "")]
        if section.apart
        else []
    )
    return " · ".join([section.dataset, section.counted_on, *section.set_apart, *apart])


def whole(
    block: Block, only: Sequence[str] = (), *, spread: bool = True, best: bool = False
) -> Grid:
    """One table.

    Args:
        block: the rows.
        only: keys of the columns beside those that name a row, in this order; empty for those
            that a person reads.
        spread: whether each of them has its interval, and not the headline alone.
        best: whether the best of each metric are marked.

    Raises:
        SpecError: the block has no such column, or one is asked for twice.
    """
    groups, apart = _groups(block), False
    chosen = [column for group in groups for column in group]
    breaks = tuple(accumulate(map(len, groups)))
    if only:
        known = {column.key: column for column in (*_others(block), *chosen)}
        for key in only:
            if not key:
                raise SpecError(f"--columns names no column: write some of {', '.join(known)}")
            if key not in known:
                raise SpecError(f"unknown column '{key}': {did_you_mean(key, known)}")
            if only.count(key) > 1:
                raise SpecError(f"column '{key}' is asked for twice: name it once")
        names = [column for column in _names(block) if column.words and column.key not in only]
        chosen, apart, breaks = [*names, *(known[key] for key in only)], spread, ()
    return Grid(
        [column.head for column in chosen],
        [
            *([_text(block, entry, c, spread=apart) for c in chosen] for entry in block.entries),
            *([external_text(block, row, c) for c in chosen] for row in block.external),
        ],
        sum(column.words for column in chosen),
        _best(block, chosen) if best else frozenset(),
        breaks,
    )


def _best(block: Block, chosen: Sequence[Column]) -> frozenset[tuple[int, int]]:
    """The cells of the best rows, by each metric among the columns."""
    return frozenset((i, j) for j, column in enumerate(chosen) for i in best_entries(block, column))


def best_entries(block: Block, column: Column) -> frozenset[int]:
    """The places of the best rows of a block, by the metric that a column shows; none where it
    shows something else.
    """
    if column.metric is None:
        return frozenset()
    found = best_rows(block.section, column.metric, block.level)
    return frozenset(i for i, row in enumerate(block.section.rows) if row in found)


def columns(block: Block) -> list[Column]:
    """What a person reads of a block, from the left."""
    return [column for group in _groups(block) for column in group]


def _groups(block: Block) -> tuple[list[Column], ...]:
    """The columns that name a row, and groups of others, which narrow terminals show one by one."""
    return _names(block), _quality(block), _further(block), _cost(block)


def marks(block: Block, entry: Entry, column: Column) -> tuple[Reason, ...]:
    """Why a figure is no evidence, which its headline bears for the whole row."""
    return entry.no_evidence if column.key == block.section.task.headline.key else ()


def _text(block: Block, entry: Entry, column: Column, *, spread: bool) -> str:
    """A cell; a table of every column has room for the interval of the headline only."""
    cell, headline = column.cell(block, entry), column.key == block.section.task.headline.key
    if not spread and not headline:
        return cell
    marked = "".join(reason.mark for reason in marks(block, entry, column))
    return " ".join(part for part in (cell, column.spread(entry), marked) if part)


def external_text(block: Block, row: ExternalRow, column: Column) -> str:
    """A cell of an external row, which has a name and what was measured on test."""
    task = block.section.task
    if column.key == task.compared:
        return f"{row.name} {MARK}"
    metric = next((metric for metric in task.metrics if metric.key == column.key), None)
    return metric.text(row.test[column.key]) if metric and column.key in row.test else ABSENT


def _word(key: str) -> Column:
    return Column(("", key), key, lambda _, entry: str(entry.row[key] or ABSENT), words=True)


def _seeds(_: Block, entry: Entry) -> str:
    done, failed = entry.count("seeds"), entry.count("failed_seeds")
    return f"{done} of {done + failed}" if failed else str(done)


def _figure(metric: Metric) -> Column:
    def cell(_: Block, entry: Entry) -> str:
        value = entry.row[metric.key]
        return metric.text(value) if isinstance(value, (int, float)) else ABSENT

    half = metric.half_width_text if metric.interval is not None else None
    return Column((metric.over, metric.heading), metric.key, cell, half, metric=metric)


def _half_width(row: Row, key: str) -> float | None:
    low, high = row[f"{key}_lo"], row[f"{key}_hi"]
    return (high - low) / 2 if isinstance(low, float) and isinstance(high, float) else None


def _steps(block: Block, entry: Entry) -> str:
    """Steps to the target; how many seeds reached it where some did not."""
    if block.target.quality is None or not entry.row["seeds"] or _untrained(entry):
        return ABSENT
    if entry.row["steps_to_target"] is None:
        return (
            f"{entry.reached or 'none'} of {entry.row['seeds']}"
            if entry.row["seeds"] != 1
            else "never"
        )
    return _fixed(entry.row["steps_to_target"], 0)


def _untrained(entry: Entry) -> bool:
    """Whether its runs trained for no epoch, so that what they have they had from the start."""
    return entry.row["steps_to_target"] == 0


def _seconds(head: tuple[str, str], key: str) -> Column:
    return Column(head, key, lambda _, entry: _fixed(entry.row[key], _places(entry.row[key])))


def _seconds_to_target(_: Block, entry: Entry) -> str:
    seconds = None if _untrained(entry) else entry.row["seconds_to_target"]
    return _fixed(seconds, _places(seconds))


def _places(value: Value) -> int:
    return 1 if isinstance(value, (int, float)) and value < 100 else 0


def _fixed(value: Value, places: int) -> str:
    return f"{value:.{places}f}" if isinstance(value, (int, float)) else ABSENT


def _names(block: Block) -> list[Column]:
    sampler = [_word("sampler")] if _has_samplers(block) else []
    keys = dict.fromkeys(key for entry in block.entries for key in entry.tuned)
    tuned = [
        Column(
            _tuned_heading(key),
            key,
            lambda _, entry, key=key: f"{entry.tuned.get(key, ABSENT)}",  # type: ignore[misc]  # bound now
        )
        for key in keys
    ]
    return [
        _word(block.section.task.compared),
        _word("loss"),
        *sampler,
        *tuned,
        Column(("", "seeds"), "seeds", _seeds),
    ]


def _tuned_heading(key: str) -> tuple[str, str]:
    """`loss.margin` as (loss, margin)."""
    slot, _, name = key.rpartition(".")
    return slot, name


def _has_samplers(block: Block) -> bool:
    """Whether some of its losses draw global negatives."""
    return block.section.task.compared != "sampler" and any(
        entry.row["sampler"] is not None for entry in block.entries
    )


def _quality(block: Block) -> list[Column]:
    """What was measured on test, the headline last of vsebench's own."""
    task = block.section.task
    chosen = [metric for metric in task.metrics if metric.shown and metric != task.headline]
    return [_figure(metric) for metric in (*chosen, task.headline, *block.section.measured)]


def _further(block: Block) -> list[Column]:
    """What was measured on test as the protocol asks for it."""
    return [_figure(metric) for metric in block.section.further if metric.shown]


def _cost(block: Block) -> list[Column]:
    task = block.section.task
    extra = [_seconds((heading, "s"), key) for heading, key in task.shown_cost.items()]
    known = any(entry.row["tuning_seconds"] is not None for entry in block.entries)
    tuning = [_seconds(("tuning", "s"), "tuning_seconds")] if known else []
    return [
        Column((f"{task.step} to", "target"), "steps_to_target", _steps),
        Column(("s to", "target"), "seconds_to_target", _seconds_to_target),
        _seconds(("total", "s"), "total_seconds"),
        *tuning,
        *extra,
    ]


def _others(block: Block) -> list[Column]:
    """What tables have only where it is asked for: metrics that are seldom shown, and every other
    number of a row.
    """
    metrics = [metric for metric in block.section.task.metrics if not metric.shown]
    ends = {key for metric in block.section.metrics for key in metric.row_keys}
    numbers = [
        key
        for key in block.section.task.row_keys
        if key not in ends
        and any(isinstance(entry.row[key], (int, float)) for entry in block.entries)
    ]
    return [
        *(_figure(metric) for metric in metrics),
        *(Column(("", key), key, partial(_counted, key)) for key in numbers),
    ]


def _counted(key: str, _: Block, entry: Entry) -> str:
    """A number whose places no metric says: whole, or of four digits."""
    value = entry.row[key]
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.4g}" if abs(value) < _WHOLE else f"{value:,.0f}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else ABSENT
