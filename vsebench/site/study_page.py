"""The page of a study, as data for its template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.report.figures.curves import look, told
from vsebench.report.figures.matrix import matrix
from vsebench.report.figures.tried import study_sketches
from vsebench.report.leaderboard.text import notes
from vsebench.report.page.figures import of_board
from vsebench.report.page.render import part_of
from vsebench.report.page.table import Cell, Head, main_table
from vsebench.report.queries.data import Queried
from vsebench.report.tables.layout import ABSENT
from vsebench.report.tables.made_with import short_commit
from vsebench.report.tables.notes import alarms, best_note
from vsebench.site.methods import components_of
from vsebench.site.queries import AtHand, absent, queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vsebench.plugin.registry import Registry
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.page.table import Table
    from vsebench.report.rows.runs import Run
    from vsebench.site.methods import Key, Method
    from vsebench.site.studies import Study


def board_part(
    study: Study,
    number: int,
    methods: Mapping[Key, Method],
    registry: Registry,
    at_hand: Mapping[Queried, AtHand],
) -> dict[str, Any]:
    """What a page says of a board.

    Args:
        study: its study.
        number: its number in the study, from 0, which keeps the ids of figures apart.
        methods: methods that have a page.
        registry: where published results are looked for.
        at_hand: captions and thumbnails of data sets.
    """
    board = study.boards[number]
    block, table = board.block, main_table(board.block)
    shown = at_hand.get(Queried.by(block.section), AtHand())
    wrong, hard = alarms(block), queries(board, shown)
    said = [best_note(table, block.level), *notes(board)]
    dataset = block.section.runs[0].record.spec.dataset.name
    licence = registry.find(dataset) if shown.captions.texts else []
    return {
        **part_of(block, registry),
        "heads": [
            Head("rank", "", "rank", "Rank by the mean of the headline.", words=False),
            Head("groups", "", "groups", "Rows that share a letter are not told apart.", True),
            *table.heads,
        ],
        "lines": list(_lines(board, table, methods)),
        "alarms": wrong,
        "notes": [note for note in said if note and note not in wrong],
        "figures": of_board(board, study_sketches(board, study.path), f"b{number}-"),
        "matrix": matrix(board),
        "queries": hard,
        "absent": absent(hard, shown),
        "licence": next((getattr(each.card, "licence", "") for each in licence), ""),
    }


def _lines(board: Board, table: Table, methods: Mapping[Key, Method]) -> Iterator[dict[str, Any]]:
    """The rows of the leaderboard: rank and groups, then what every table shows, and the methods
    that each names.
    """
    for i, (standing, cells, refs) in enumerate(
        zip(board.standings, table.rows, components_of(board), strict=False)
    ):
        rank = standing.rank
        place = Cell(ABSENT) if rank is None else Cell(str(rank), value=float(rank))
        named = [methods.get((kind, ref.distribution, ref.name)) for kind, ref in refs]
        yield {
            "colour": look(i).color if told(i) else "",
            "groups": standing.groups,
            "cells": [place, Cell(standing.groups or ABSENT), *cells],
            "methods": [method for method in named if method is not None],
        }
    blank = Cell(ABSENT)  # of rows made elsewhere
    for cells in table.rows[len(board.standings) :]:
        yield {"colour": "", "groups": "", "cells": [blank, blank, *cells], "methods": []}


def made(run: Run) -> list[str]:
    """A run's best step, seconds, CPU seconds, device, start, software, commit and restarts."""
    record, provenance, cost = run.record, run.record.provenance, run.record.cost
    cpu = cost.total_cpu_seconds if cost is not None else None
    return [
        ABSENT if record.best_step is None else str(record.best_step),
        ABSENT if cost is None else f"{cost.total_seconds:.1f}",
        ABSENT if cpu is None else f"{cpu:.1f}",
        *(
            [ABSENT] * 5
            if provenance is None
            else [
                provenance.device_name,
                provenance.started[:10],
                ", ".join(f"{key} {value}" for key, value in provenance.libraries.items()),
                short_commit(provenance.git_commit) if provenance.git_commit else ABSENT,
                str(provenance.restarts),
            ]
        ),
    ]
