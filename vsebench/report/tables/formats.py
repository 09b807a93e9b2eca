"""Blocks of rows as a terminal table, Markdown, LaTeX, CSV, JSON or a pandas frame.

In a frame missing values are `<NA>`, never NaN, and whole numbers stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.listing import filled, tabled
from vsebench.report.rows.external import EXTERNAL, as_row
from vsebench.report.statistics.means import LEVEL
from vsebench.report.tables.latex import PLAIN, LatexText, to_latex
from vsebench.report.tables.layout import GAP, Grid, best_entries, columns, heading, whole
from vsebench.report.tables.made_with import machine_note
from vsebench.report.tables.notes import (
    alarms,
    best_note,
    block_notes,
    figure_notes,
    general_notes,
    uneven_note,
)
from vsebench.results.row_keys import COUNTS, IDENTITY, NO_EVIDENCE
from vsebench.text import as_json, no_formula

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from vsebench.report.rows.combinations import Block

Format = Literal["table", "md", "csv", "json", "latex"]
SCHEMA = 1
WIDTH = 100
_COUNTED = (*COUNTS, "parameters", "concurrency")


@dataclass(frozen=True)
class Style:
    """How a table is written.

    Attributes:
        form: name of the format.
        width: columns of the terminal; only `table` heeds it.
        only: keys of the columns wanted; empty for those that a person reads.
        latex: caption and label of the `table` environments.
    """

    form: str
    width: int = WIDTH
    only: Sequence[str] = ()
    latex: LatexText = PLAIN

    def __post_init__(self) -> None:
        """Refuses a caption for a format that has none, and a width of nothing.

        Raises:
            SpecError: it is one.
        """
        if self.width < 1:
            raise SpecError(f"a table is at least one character wide; got width={self.width}")
        if self.latex != PLAIN and self.form != "latex":
            raise SpecError("a caption and a label are of LaTeX tables: add --format latex")


def render(blocks: Sequence[Block], notes: Sequence[str], style: Style) -> str:
    """The blocks as text, without a last line end.

    Args:
        blocks: what to show.
        notes: what concerns all of them.
        style: how to write them; its format is one of `Format`.

    Raises:
        SpecError: there is no such format or column, or columns were chosen for a format that
            holds everything.
    """
    form, only = style.form, style.only
    if form not in get_args(Format):
        raise SpecError(f"unknown format '{form}': {did_you_mean(form, get_args(Format))}")
    if only and form in _WHOLE:
        raise SpecError(
            f"format '{form}' holds every column: choose columns for table, md or latex"
        )
    if form in _WHOLE:
        return _WHOLE[form](blocks, notes)
    sheets = [
        Sheet(block, heading(block), whole(block, only, best=form != "table"), block_notes(block))
        for block in blocks
    ]
    return typeset(sheets, notes, style)


class Sheet(NamedTuple):
    """A table as people read it.

    Attributes:
        block: block whose rows it shows.
        heading: what it is about.
        grid: the table.
        notes: what stands under it.
    """

    block: Block
    heading: str
    grid: Grid
    notes: list[str]


def typeset(sheets: Sequence[Sheet], notes: Sequence[str], style: Style) -> str:
    """Tables for a terminal, as Markdown or as LaTeX, without a last line end.

    Args:
        sheets: what to show.
        notes: what concerns all of them, beside what the figures of their tasks are.
        style: how to write them.
    """
    if style.form == "latex":
        return "\n\n".join(
            to_latex(
                sheet.grid,
                heading(sheet.block),
                [*_best_first(sheet), *general_notes([sheet.block]), *notes],
                style.latex.of(i, len(sheets)),
            )
            for i, sheet in enumerate(sheets)
        )
    last = [*general_notes([sheet.block for sheet in sheets]), *notes]
    if style.form == "md":
        parts = [
            f"### {sheet.heading}\n\n{_pipe(sheet.grid)}\n\n{_listed(_best_first(sheet))}"
            for sheet in sheets
        ]
        return "\n\n".join([*parts, _listed(last)])
    parts = [
        "\n".join(
            [
                filled(sheet.heading, style.width),
                "",
                "\n\n".join(map(_plain, sheet.grid.parted(style.width))),
                "",
                *(filled(note, style.width) for note in sheet.notes),
            ]
        )
        for sheet in sheets
    ]
    return "\n\n\n".join([*parts, "\n".join(filled(note, style.width) for note in last)])


def _best_first(sheet: Sheet) -> list[str]:
    """The notes of a table some of whose figures are bold."""
    return [best_note(sheet.grid, sheet.block.level), *sheet.notes]


def _plain(grid: Grid) -> str:
    """A table with rules above, between and below."""
    rule = GAP.join("-" * width for width in grid.widths)
    pads = [str.ljust] * grid.words + [str.rjust] * (len(grid.heads) - grid.words)

    def line(cells: Sequence[str]) -> str:
        parts = zip(pads, cells, grid.widths, strict=True)
        padded = (pad(cell, width) for pad, cell, width in parts)
        return GAP.join(padded).rstrip()

    heads = [line(cells) for cells in zip(*grid.heads, strict=True) if any(cells)]
    return "\n".join([rule, *heads, rule, *map(line, grid.body), rule])


def _pipe(grid: Grid) -> str:
    """A table of Markdown."""
    cells = grid.written(lambda text: text.replace("|", "\\|"), "**{}**".format)
    return tabled(grid.headers, cells, grid.sides, "pipe")


def _listed(lines: Sequence[str]) -> str:
    """A list of Markdown; empty lines are left out."""
    return "\n".join(f"- {line}" for line in lines if line)


def as_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV, with a quote before every text, names of columns included, that a spreadsheet
    would run as a formula.
    """
    guarded: pd.DataFrame = frame.apply(
        lambda column: (
            column.astype("object").map(no_formula)
            if column.dtype in ("string", "object")
            else column
        )
    )
    return guarded.rename(columns=no_formula).to_csv(index=False, lineterminator="\n")


def _as_dict(blocks: Sequence[Block], notes: Sequence[str]) -> dict[str, Any]:
    external = {row.row_id: row for block in blocks for row in block.external}
    also = {"external": [row.model_dump(mode="json") for row in external.values()]}
    return {
        "schema": SCHEMA,
        "level": next((block.level for block in blocks), LEVEL),
        "rows": [entry.row for block in blocks for entry in block.entries],
        **(also if external else {}),
        "blocks": [_footer(block) for block in blocks],
        "notes": general_notes(blocks),
        "warnings": [*notes],
    }


def _footer(block: Block) -> dict[str, Any]:
    """What stands under a table, as values where they are any, and as sentences."""
    spec = block.section.runs[0].record.spec
    tuned, rows = block.section.tuned, [*block.section.rows]
    return {
        "dataset": block.section.dataset,
        "counted_on": block.section.counted_on,
        "differs_in": [*block.section.apart],
        "row_count": len(block.entries),
        "protocol": spec.protocol.name,
        "protocol_changes": {
            key: value for key, value in spec.protocol_changes.items() if key not in tuned
        },
        "tuned": [*tuned],
        "device": spec.device,
        "made_with": machine_note([run for run in block.section.runs if run.done]),
        "target": {
            "metric": block.section.task.headline.key,
            "baseline": [*block.target.baseline],
            "quality": block.target.quality,
        },
        "best": {
            column.key: [list(rows[i]) for i in sorted(found)]
            for column in columns(block)
            if (found := best_entries(block, column))
        },
        "notes": figure_notes(block),
        "warnings": [note for note in (uneven_note(block), *alarms(block)) if note],
    }


_WHOLE: Mapping[str, Callable[[Sequence[Block], Sequence[str]], str]] = {
    "csv": lambda blocks, _: as_csv(to_frame(blocks, external=True)).rstrip("\n"),
    "json": lambda blocks, notes: as_json(_as_dict(blocks, notes)),
}
"""Formats for programs: every column."""


def to_frame(blocks: Sequence[Block], *, external: bool = False) -> pd.DataFrame:
    """One line per row, one column per key, in the order of the JSON; reasons of `no_evidence` are
    joined by semicolons.

    Args:
        blocks: what to show.
        external: take external rows, too, below the rows of their blocks; a column `external` tells
            them apart where there are any.
    """
    import pandas as pd

    marked = {EXTERNAL: False} if external and any(block.external for block in blocks) else {}
    rows: list[Mapping[str, object]] = []
    for block in blocks:
        rows += [
            {
                **entry.row,
                NO_EVIDENCE: "; ".join(reason.name for reason in entry.no_evidence),
                **marked,
            }
            for entry in block.entries
        ]
        if external:
            rows += [as_row(block.section, row) for row in block.external]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return pd.DataFrame(rows, columns=keys, dtype=object).astype({key: _dtype(key) for key in keys})


def leaderboard(blocks: Sequence[Block]) -> pd.DataFrame:
    """The rows of each data set from the largest RSUM, or MAP, down, with a first column `rank`;
    equal sums share a rank; rows that are no evidence, or have no result, have none and stand last.

    The order is that of the means: whether a difference is more than chance, the intervals tell.
    """
    import pandas as pd

    parts = []
    for block in blocks:
        frame = to_frame([block])
        headline = frame[block.section.task.headline.key].astype("float64")
        counted = headline.where((frame[NO_EVIDENCE] == "").astype("bool"))
        frame.insert(0, "rank", counted.rank(method="min", ascending=False).astype("Int64"))
        order = frame.assign(headline=-headline).sort_values(["rank", "headline"], kind="stable")
        parts.append(frame.loc[order.index])
    return pd.concat(parts, ignore_index=True)


def _dtype(key: str) -> str:
    if key in (*IDENTITY, NO_EVIDENCE):
        return "string"
    if key == EXTERNAL:
        return "boolean"
    return "Int64" if key in _COUNTED else "Float64"
