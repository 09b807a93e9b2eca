"""Blocks of rows as a terminal table, Markdown, LaTeX, CSV, JSON or a pandas frame.

In a frame missing values are `<NA>`, never NaN, and whole numbers stay whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.listing import filled
from vsebench.report.rows.external import EXTERNAL, as_row
from vsebench.report.statistics.means import LEVEL
from vsebench.report.tables.latex import PLAIN, LatexText, to_latex
from vsebench.report.tables.layout import GAP, Grid, best_entries, columns, halves, heading, whole
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
from vsebench.text import no_formula

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
        """Refuses a caption for a format that has none.

        Raises:
            SpecError: it is one.
        """
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
    if form == "table":
        return _terminal(blocks, notes, style.width, only)
    if form == "md":
        return _markdown(blocks, notes, only)
    return _latex(blocks, notes, only, style.latex)


def _terminal(
    blocks: Sequence[Block], notes: Sequence[str], width: int, only: Sequence[str]
) -> str:
    parts = []
    for block in blocks:
        grid = whole(block, only)
        parted = [grid] if only or grid.width <= width else halves(block, grid)
        parts.append(
            "\n".join(
                [
                    filled(heading(block), width),
                    "",
                    "\n\n".join(map(plain, parted)),
                    "",
                    *(filled(note, width) for note in block_notes(block)),
                ]
            )
        )
    return "\n\n\n".join(
        [*parts, "\n".join(filled(note, width) for note in (*general_notes(blocks), *notes))]
    )


def plain(grid: Grid) -> str:
    """A table with rules above, between and below."""
    rule = GAP.join("-" * width for width in grid.widths)
    pads = [str.ljust] * grid.words + [str.rjust] * (len(grid.heads) - grid.words)

    def line(cells: Sequence[str]) -> str:
        parts = zip(pads, cells, grid.widths, strict=True)
        padded = (pad(cell, width) for pad, cell, width in parts)
        return GAP.join(padded).rstrip()

    heads = [line(cells) for cells in zip(*grid.heads, strict=True) if any(cells)]
    return "\n".join([rule, *heads, rule, *map(line, grid.body), rule])


def _markdown(blocks: Sequence[Block], notes: Sequence[str], only: Sequence[str]) -> str:
    parts = []
    for block in blocks:
        grid = whole(block, only, best=True)
        below = listed([best_note(grid, block.level), *block_notes(block)])
        parts.append(f"### {heading(block)}\n\n{pipe(grid)}\n\n{below}")
    return "\n\n".join([*parts, listed([*general_notes(blocks), *notes])])


def pipe(grid: Grid) -> str:
    """A table of Markdown."""
    from tabulate import tabulate

    return tabulate(
        grid.written(lambda text: text.replace("|", "\\|"), "**{}**".format),
        [" ".join(head).strip() for head in grid.heads],
        tablefmt="pipe",
        colalign=alignment(grid),
        disable_numparse=True,
    )


def listed(lines: Sequence[str]) -> str:
    """A list of Markdown; empty lines are left out."""
    return "\n".join(f"- {line}" for line in lines if line)


def _latex(
    blocks: Sequence[Block], notes: Sequence[str], only: Sequence[str], text: LatexText
) -> str:
    grids = [whole(block, only, best=True) for block in blocks]
    return "\n\n".join(
        to_latex(
            grid,
            heading(block),
            [best_note(grid, block.level), *block_notes(block), *general_notes([block]), *notes],
            text.of(i, len(blocks)),
        )
        for i, (block, grid) in enumerate(zip(blocks, grids, strict=True))
    )


def _csv(blocks: Sequence[Block], _: Sequence[str]) -> str:
    frame = leading_quote(to_frame(blocks, external=True))
    return frame.to_csv(index=False, lineterminator="\n").rstrip("\n")


def leading_quote(frame: pd.DataFrame) -> pd.DataFrame:
    """With a quote before every text, names of columns included, that a spreadsheet would run as a
    formula.
    """
    guarded: pd.DataFrame = frame.apply(
        lambda column: (
            column.astype("object").map(no_formula)
            if column.dtype in ("string", "object")
            else column
        )
    )
    return guarded.rename(columns=no_formula)


def _json(blocks: Sequence[Block], notes: Sequence[str]) -> str:
    rows = [entry.row for block in blocks for entry in block.entries]
    level = next((block.level for block in blocks), LEVEL)
    external = {row.row_id: row for block in blocks for row in block.external}
    also = {"external": [row.model_dump(mode="json") for row in external.values()]}
    footer = {"blocks": [footer_of(block) for block in blocks], "notes": [*general_notes(blocks)]}
    return json.dumps(
        {
            "schema": SCHEMA,
            "level": level,
            "rows": rows,
            **(also if external else {}),
            **footer,
            "warnings": [*notes],
        },
        indent=1,
        ensure_ascii=False,
        allow_nan=False,
    )


def footer_of(block: Block) -> dict[str, Any]:
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


def alignment(grid: Grid) -> list[str]:
    return ["left"] * grid.words + ["right"] * (len(grid.heads) - grid.words)


_WHOLE: Mapping[str, Callable[[Sequence[Block], Sequence[str]], str]] = {"csv": _csv, "json": _json}
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
