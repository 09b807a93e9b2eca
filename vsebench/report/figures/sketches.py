"""The figures of a board, each as what draws it on a panel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.figures.curves import draw_convergence, frame, look, mean_curve
from vsebench.report.figures.price import UNITS, points
from vsebench.report.figures.svg import BAND, ROW
from vsebench.report.speed.learning_curve import clock_of, knows
from vsebench.report.wording import percent, short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

    from vsebench.report.figures.curves import Curve
    from vsebench.report.figures.price import Point
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.speed.learning_curve import Unit


class Sketch(NamedTuple):
    """A figure before it is drawn.

    Attributes:
        key: its name in file names.
        about: what it shows, as a caption.
        notes: what a reader must know beside it.
        titles: row by its place, in words with its figures.
        draw: draws it on a panel, rows with their gids.
    """

    key: str
    about: str
    notes: str
    titles: Mapping[int, str]
    draw: Callable[[Axes], None]


def sketches(board: Board) -> list[Sketch]:
    """The figures for which a board has what they show: convergence over updates, over CPU seconds
    (wall seconds where records have none) and over tower forwards; quality against cost.
    """
    rows = [[run for run in runs if run.done] for runs in board.block.section.rows.values()]
    evaluated = {i: runs for i, runs in enumerate(rows) if runs and all(run.curve for run in runs)}
    flat = [run for runs in evaluated.values() for run in runs]
    units: list[Unit] = ["steps", clock_of(flat)]
    if all(knows(run, "forwards") for run in flat):
        units.append("forwards")
    curves = {
        i: curve
        for i, runs in reversed(evaluated.items())  # the best on top
        if (curve := mean_curve(runs, board.block.level, units)).quality
    }
    found = [_convergence(board, unit, curves) for unit in units] if curves else []
    if priced := points(board):
        found.append(_against_cost(board, priced))
    return found


def short_names(board: Board) -> list[str]:
    """Its rows by what they do not all have."""
    rows = list(board.block.section.rows)
    return [short(row, rows) for row in rows]


def _convergence(board: Board, unit: Unit, curves: Mapping[int, Curve]) -> Sketch:
    metric, block, names = board.block.section.task.headline, board.block, short_names(board)
    words = UNITS[unit]
    return Sketch(
        words.key,
        f"Dev {metric.heading} over {words.words}",
        f"Means over seeds at the steps that all of them evaluated, with their "
        f"{percent(block.level)} intervals, cut where they would dwarf the means. Dotted: the "
        f"target. {words.notes}",
        {i: f"{names[i]}: dev {metric.text(curve.quality[-1])}" for i, curve in curves.items()},
        lambda panel: draw_convergence(panel, block, curves, (unit, words.axis), look),
    )


def _against_cost(board: Board, priced: Sequence[Point]) -> Sketch:
    metric, names = board.block.section.task.headline, short_names(board)
    unit = priced[0].unit
    best = [names[point.row] for point in priced if point.front]
    return Sketch(
        "cost",
        f"Test {metric.heading} against {UNITS[unit].words}",
        f"Each row's mean with its {percent(board.block.level)} interval; hollow: no evidence. "
        f"The line joins the rows that no other beats in both: {', '.join(best) or 'none'}. "
        f"{UNITS[unit].notes}",
        {
            point.row: f"{names[point.row]}: {metric.text(point.quality)} after {point.cost:.4g} s"
            for point in priced
        },
        partial(_draw_cost, board, priced),
    )


def _draw_cost(board: Board, priced: Sequence[Point], panel: Axes) -> None:
    front = sorted((p for p in priced if p.front), key=lambda point: point.cost)
    panel.plot(
        [p.cost for p in front], [p.quality for p in front], color="0.5", linewidth=1, zorder=1
    )
    for point in reversed(priced):
        drawn = look(point.row)
        panel.plot(
            [point.cost] * 2,
            [point.low, point.high],
            color=drawn.color,
            linewidth=1.2,
            gid=f"{ROW}{point.row}{BAND}",
        )
        panel.plot(
            [point.cost],
            [point.quality],
            marker="o",
            markersize=7,
            color=drawn.color,
            markerfacecolor=drawn.color if point.evidence else "none",
            linestyle="none",
            gid=f"{ROW}{point.row}",
        )
    frame(panel, UNITS[priced[0].unit].axis, None)
    panel.grid(alpha=0.15)
    if panel.get_xscale() == "linear":
        panel.set_xlim(0, 1.05 * max(point.cost for point in priced))
    panel.set_ylabel(f"test {board.block.section.task.headline.heading}")
