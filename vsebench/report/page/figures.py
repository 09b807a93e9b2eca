"""Figures as inline SVG, in the colours of the page: training curves, and the figures of boards."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import require
from vsebench.report.figures.curves import draw_convergence, look, mean_curve, stroke, told
from vsebench.report.figures.sketches import short_names
from vsebench.report.figures.svg import to_svg
from vsebench.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vsebench.report.figures.curves import Stroke
    from vsebench.report.figures.sketches import Sketch
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.combinations import Block
    from vsebench.report.speed.learning_curve import Unit

_DASHES: Mapping[str, str] = {"-": "none", "--": "5 3", ":": "1.5 2.5", "-.": "6 2.5 1.5 2.5"}


class Key(NamedTuple):
    """A row in the legend.

    Attributes:
        row: its number, by which the page's script finds its curves.
        name: its components.
        colour: colour of its line, as CSS writes it; empty of the grey rest of a board.
        dash: `stroke-dasharray` of its line.
    """

    row: int
    name: str
    colour: str
    dash: str = "none"


class Drawing(NamedTuple):
    """An SVG element, safe to put into a page as it is.

    Attributes:
        about: its caption.
        svg: the element.
        key: name of the figure; may be empty.
        notes: what a reader must know beside it; likewise.
    """

    about: str
    svg: str
    key: str = ""
    notes: str = ""


class Figures(NamedTuple):
    """Figures with one legend for all of them; either may be empty."""

    legend: list[Key]
    drawings: list[Drawing]


def curves(block: Block, number: int) -> Figures:
    """Dev quality over updates and over seconds; nothing where no run has a curve.

    Args:
        block: block whose runs to draw.
        number: number of the block on its page, which keeps the ids of figures apart.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", extra="plots", purpose="figures")
    rows = block.section.rows
    found = {
        i: curve
        for i, runs in enumerate(rows.values())
        if (curve := mean_curve([run for run in runs if run.done], block.level)).quality
    }
    if not found:
        return Figures([], [])
    names = [short(row, rows) for row in rows]
    quality = f"Dev {block.section.task.headline.heading}"
    panels: tuple[tuple[Unit, str, str], ...] = (
        ("steps", "updates", "u"),
        ("seconds", "seconds of training", "s"),
    )
    drawings = []
    for unit, axis, letter in panels:
        draw = partial(draw_convergence, block=block, curves=found, over=(unit, axis), drawn=stroke)
        about = f"{quality} over {axis.partition(' ')[0]}"
        drawings.append(Drawing(about, to_svg(draw, f"b{number}{letter}-")))
    return Figures([Key(i, names[i], *_line(stroke(i))) for i in found], drawings)


def of_board(
    board: Board, sketches: Iterable[Sketch], prefix: str, rows: Iterable[int] | None = None
) -> Figures:
    """Figures of a board.

    Args:
        board: the board.
        sketches: what to draw.
        prefix: begins the ids of figures, and keeps those of one page apart.
        rows: places of the rows in the legend; all of them when None.
    """
    names = short_names(board)
    return Figures(
        [
            Key(i, names[i], look(i).color if told(i) else "")
            for i in (range(len(names)) if rows is None else rows)
        ],
        [
            Drawing(
                each.about,
                to_svg(each.draw, f"{prefix}{each.key}-", each.titles),
                each.key,
                each.notes,
            )
            for each in sketches
        ],
    )


def _line(drawn: Stroke) -> tuple[str, str]:
    """Colour and dashes as CSS writes them."""
    return drawn.color, _DASHES[drawn.linestyle]
