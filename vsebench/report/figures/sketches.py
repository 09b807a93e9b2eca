"""The figures of a board, each as what draws it on a panel: convergence over what rows cost, in the
units that figures have, and their quality against it.
"""

from __future__ import annotations

import math
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from vsebench.report.figures.curves import draw_convergence, frame, look, mean_curve
from vsebench.report.figures.svg import BAND, ROW
from vsebench.report.speed.learning_curve import clock_of, knows
from vsebench.report.wording import percent, short

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from matplotlib.axes import Axes

    from vsebench.report.figures.curves import Curve
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.runs import Run
    from vsebench.report.speed.learning_curve import Unit


class Words(NamedTuple):
    """How a unit is written.

    Attributes:
        key: name of the figure over it, in file names.
        axis: label of an axis.
        words: its name in a caption.
        notes: what it counts, a sentence; may be empty.
    """

    key: str
    axis: str
    words: str
    notes: str


UNITS: Mapping[Unit, Words] = {
    "steps": Words("updates", "updates", "updates", ""),
    "cpu seconds": Words(
        "cpu",
        "CPU seconds of training",
        "CPU seconds",
        "CPU seconds count what a method needs first, and no other load on the machine.",
    ),
    "seconds": Words(
        "wall",
        "seconds of training",
        "wall seconds",
        "Wall seconds, since not every record has CPU seconds, count what a method needs first.",
    ),
    "forwards": Words(
        "forwards",
        "items through a tower",
        "tower forwards",
        "The tower forwards of a run are spread evenly over its updates; first rounds are left "
        "out.",
    ),
}


class Point(NamedTuple):
    """A row by its quality and its cost.

    Attributes:
        row: its place on the board, from 0.
        cost: seconds of training with what the method needs first, mean over seeds.
        quality: headline on test, mean over seeds.
        low: end of the interval of that mean; the mean itself of one seed.
        high: the other end.
        evidence: whether the row is evidence.
        front: whether no other row that is evidence is at least as good in both and better in one.
        unit: unit of the cost.
    """

    row: int
    cost: float
    quality: float
    low: float
    high: float
    evidence: bool
    front: bool
    unit: Unit


def points(board: Board) -> list[Point]:
    """Every row that has a quality and a cost, in the order of the board; CPU seconds where all
    of them are known, else wall seconds.
    """
    section, key = board.block.section, board.block.section.task.headline.key
    done = [[run for run in runs if run.done] for runs in section.rows.values()]
    unit = clock_of(run for runs in done for run in runs)
    found = []
    for i, (standing, runs) in enumerate(zip(board.standings, done, strict=True)):
        row = standing.entry.row
        quality, cost = row[key], _total(runs, unit)
        if not isinstance(quality, (int, float)) or cost is None:
            continue
        low, high = row.get(f"{key}_lo"), row.get(f"{key}_hi")
        known = isinstance(low, float) and isinstance(high, float)
        ends = (low, high) if known else (float(quality), float(quality))
        evidence = standing.rank is not None
        found.append(Point(i, cost, float(quality), *ends, evidence, False, unit))  # type: ignore[arg-type]
    best = front([(p.cost, p.quality) for p in found if p.evidence])
    return [
        point._replace(front=point.evidence and (point.cost, point.quality) in best)
        for point in found
    ]


def front(pairs: Collection[tuple[float, float]]) -> set[tuple[float, float]]:
    """The pairs of cost and quality that no other beats: none costs at most as much, is at least as
    good, and is better in one.
    """
    best: set[tuple[float, float]] = set()
    top = -math.inf
    for cost, quality in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if quality > top:
            best.add((cost, quality))
            top = quality
    return best


def _total(runs: Sequence[Run], unit: Unit) -> float | None:
    costs = [run.record.cost for run in runs if run.record.cost is not None]
    seconds = [
        cost.total_cpu_seconds if unit == "cpu seconds" else cost.total_seconds for cost in costs
    ]
    values = [each for each in seconds if each is not None]
    return fmean(values) if values and len(values) == len(runs) else None


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
