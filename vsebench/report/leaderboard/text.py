"""Leaderboards as text, as frames and as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vsebench.report.listing import filled
from vsebench.report.rows.external import EXTERNAL, external_note
from vsebench.report.tables.evidence_notes import evidence_notes
from vsebench.report.tables.formats import (
    Style,
    leading_quote,
    listed,
    pipe,
    plain,
    to_frame,
)
from vsebench.report.tables.latex import to_latex
from vsebench.report.tables.layout import ABSENT, Grid, heading, whole
from vsebench.report.tables.made_with import (
    comparable_note,
    machine_note,
    protocol_note,
    software_note,
)
from vsebench.report.tables.notes import best_note, general_notes, legend
from vsebench.report.wording import distinct, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.gather import Gathered

SCHEMA = 1
FORMATS = ("table", "md", "latex", "csv", "json", "html", "parquet")
FILES = ("html", "parquet")
"""Formats that are files, not text for a terminal."""


def render(boards: Sequence[Board], gathered: Gathered, style: Style) -> str:
    """The boards as text, without a last line end.

    Args:
        boards: what to show.
        gathered: where it comes from.
        style: how to write them, as `table`, `md`, `latex`, `csv` or `json`.

    Raises:
        SpecError: there is no such column.
    """
    form, only = style.form, style.only
    if form == "json":
        return json.dumps(as_dict(boards), indent=1, ensure_ascii=False, allow_nan=False)
    if form == "csv":
        return leading_quote(frame(boards)).to_csv(index=False, lineterminator="\n").rstrip("\n")
    blocks = [board.block for board in boards]
    last = [*general_notes(blocks), *_gathered(gathered)]
    if form == "latex":
        grids = [_grid(board, only) for board in boards]
        return "\n\n".join(
            to_latex(
                grid,
                heading(board.block),
                [best_note(grid, board.block.level), *notes(board), *last],
                style.latex.of(i, len(boards)),
            )
            for i, (board, grid) in enumerate(zip(boards, grids, strict=True))
        )
    if form == "md":
        return "\n\n".join([*(_markdown(board, only) for board in boards), listed(last)])
    parts = []
    for board in boards:
        lines = [filled(note, style.width) for note in notes(board)]
        parts.append("\n".join([_heading(board), "", plain(_grid(board, only)), "", *lines]))
    return "\n\n\n".join([*parts, "\n".join(filled(note, style.width) for note in last)])


def frame(boards: Sequence[Board]) -> pd.DataFrame:
    """One line per row of every board, external rows below the others, with its `rank`, its
    `groups` and who provides its components, `providers`.
    """
    import pandas as pd

    parts = []
    for board in boards:
        part = to_frame([board.block], external=True)
        blank = [None] * len(board.block.external)
        places = [*(standing.rank for standing in board.standings), *blank]
        letters = [*(standing.groups for standing in board.standings), *blank]
        part.insert(0, "rank", pd.Series(places, dtype="Int64"))
        part.insert(1, "groups", pd.Series(letters, dtype="string"))
        named = [*("; ".join(standing.providers) for standing in board.standings), *blank]
        part["providers"] = pd.Series(named, dtype="string")
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    if EXTERNAL in table:  # not in the parts of boards without any
        table[EXTERNAL] = table[EXTERNAL].astype("boolean").fillna(False)
    return table


def as_dict(boards: Sequence[Board]) -> dict[str, Any]:
    """The boards as plain values."""
    return {
        "schema": SCHEMA,
        "boards": [
            {
                "dataset": board.block.section.dataset,
                "level": board.block.level,
                "rows": [
                    {
                        "rank": standing.rank,
                        "groups": standing.groups.split(),
                        "providers": list(standing.providers),
                        **standing.entry.row,
                    }
                    for standing in board.standings
                ],
                **_external(board),
                "notes": notes(board),
            }
            for board in boards
        ],
    }


def _external(board: Board) -> dict[str, Any]:
    rows = [row.model_dump(mode="json") for row in board.block.external]
    return {"external": rows} if rows else {}


def notes(board: Board) -> list[str]:
    """What stands under a board."""
    block = board.block
    done = [run for run in block.section.runs if run.done]
    providers = distinct(text for each in board.standings for text in each.providers)
    found = [
        legend(block)[0],
        (
            "groups: rows that share a letter cannot be told apart, by paired differences, at "
            f"{percent(1 - block.level)} by Holm over all pairs."
        ),
        f"Components: {', '.join(providers)}.",
        protocol_note(block),
        machine_note(done),
        software_note(done),
        comparable_note(done),
        *evidence_notes(block.section),
        *([external_note(block.external)] if block.external else []),
    ]
    return [note for note in found if note]


def _gathered(gathered: Gathered) -> Iterator[str]:
    if gathered.copies:
        yield f"{gathered.copies} runs lay in two places with equal results, and count once."
    for each in gathered.reproductions:
        yield (
            f"Made twice: {each.label}, in {each.second} {each.difference:+.4g} to the run in "
            f"{each.first}, which counts."
        )


def _heading(board: Board) -> str:
    return f"{heading(board.block)} · leaderboard"


def _grid(board: Board, only: Sequence[str]) -> Grid:
    block = board.block
    task = block.section.task
    shown = [metric.key for metric in task.metrics if metric.shown and metric != task.headline]
    chosen = list(only) or [*shown, task.headline.key, "total_seconds"]
    keys = ["seeds", *(key for key in chosen if key != "seeds")]
    grid = whole(block, keys, spread=bool(only), best=True)
    places = [
        (ABSENT if standing.rank is None else str(standing.rank), standing.groups or ABSENT)
        for standing in board.standings
    ] + [(ABSENT, ABSENT)] * len(block.external)
    body = [[*place, *cells] for place, cells in zip(places, grid.body, strict=True)]
    return Grid(
        [("", "rank"), ("", "groups"), *grid.heads],
        body,
        grid.words + 2,
        frozenset((i, j + 2) for i, j in grid.best),
    )


def _markdown(board: Board, only: Sequence[str]) -> str:
    grid = _grid(board, only)
    below = listed([best_note(grid, board.block.level), *notes(board)])
    return f"### {_heading(board)}\n\n{pipe(grid)}\n\n{below}"
