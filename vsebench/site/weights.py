"""The weights over sorted positions that a pooling learnt, as its page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.figures.curves import look, told
from vsebench.report.figures.sketches import short_names
from vsebench.report.figures.svg import to_svg
from vsebench.report.figures.weights import weight_sketches
from vsebench.report.tables.layout import heading
from vsebench.site.study_page import Drawing, LegendKey

if TYPE_CHECKING:
    from vsebench.report.leaderboard.board import Board
    from vsebench.site.methods import Method
    from vsebench.site.studies import Study

MOST = 4
"""Boards whose weights a page shows."""


class LearntWeights(NamedTuple):
    """The weights of a pooling on a board.

    Attributes:
        study: study of the board.
        board: number of the board in the study, from 1.
        heading: what the board is about.
        legend: its rows.
        drawings: a figure for each side.
    """

    study: Study
    board: int
    heading: str
    legend: list[LegendKey]
    drawings: list[Drawing]


def learnt_weights(method: Method) -> list[LearntWeights]:
    """The weights of a method on the first boards whose runs keep them; nothing of what is no
    pooling.
    """
    found: list[LearntWeights] = []
    places = dict.fromkeys((row.study.slug, row.board) for row in method.rows)
    studies = {row.study.slug: row.study for row in method.rows}
    for slug, number in places if method.kind == "pooling" else ():
        if len(found) == MOST:
            break
        board, prefix = studies[slug].boards[number], f"w{len(found)}-"
        shown = _shown(board, method, prefix)
        if shown is not None:
            found.append(LearntWeights(studies[slug], number + 1, heading(board.block), *shown))
    return found


def _shown(
    board: Board, method: Method, prefix: str
) -> tuple[list[LegendKey], list[Drawing]] | None:
    sketches = weight_sketches(board, (method.distribution, method.name))
    if not sketches:
        return None
    rows = sorted({row for each in sketches for row in each.titles})
    names = short_names(board)
    return [LegendKey(i, names[i], look(i).color if told(i) else "") for i in rows], [
        Drawing(
            each.key, each.about, each.notes, to_svg(each.draw, f"{prefix}{each.key}-", each.titles)
        )
        for each in sketches
    ]
