"""Leaderboards as text, as frames and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.report.rows.external import EXTERNAL, external_note
from vsebench.report.rows.gather import made_twice_notes
from vsebench.report.tables.evidence_notes import evidence_notes
from vsebench.report.tables.formats import (
    Sheet,
    Style,
    as_csv,
    to_frame,
    typeset,
)
from vsebench.report.tables.layout import ABSENT, Grid, heading, whole
from vsebench.report.tables.made_with import (
    comparable_note,
    machine_note,
    protocol_note,
    software_note,
)
from vsebench.report.tables.notes import legend
from vsebench.report.wording import distinct, percent
from vsebench.text import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.gather import Gathered

SCHEMA = 1
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
    if style.form == "json":
        return as_json(as_dict(boards))
    if style.form == "csv":
        return as_csv(frame(boards)).rstrip("\n")
    sheets = [
        Sheet(
            board.block,
            f"{heading(board.block)} · leaderboard",
            _grid(board, style),
            notes(board),
        )
        for board in boards
    ]
    return typeset(sheets, [*_gathered(gathered)], style)


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
    yield from made_twice_notes(gathered.reproductions)


def _grid(board: Board, style: Style) -> Grid:
    block = board.block
    task = block.section.task
    shown = [metric.key for metric in task.metrics if metric.shown and metric != task.headline]
    chosen = [*style.only] or [*shown, task.headline.key, "total_seconds"]
    keys = ["seeds", *(key for key in chosen if key != "seeds")]
    grid = whole(block, keys, spread=bool(style.only), best=style.form != "table")
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
