"""Training curves as figures: dev quality over updates, seconds and other costs; how
figures tell rows apart.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vsebench.plugin.errors import require
from vsebench.report.figures.svg import BAND, ROW
from vsebench.report.speed.learning_curve import costs, learning_curve
from vsebench.report.statistics.estimates import estimated
from vsebench.report.statistics.means import LEVEL
from vsebench.report.wording import name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from vsebench.report.rows.combinations import Block
    from vsebench.report.rows.runs import Run
    from vsebench.report.speed.learning_curve import LearningCurve, Unit
    from vsebench.report.speed.speedup import SpeedTable

_DASHES = ("-", "--", ":", "-.")
COLOURS = (
    *("#2b7cb8", "#cc5c00", "#1f8a66", "#b8568f", "#8a6fd1", "#9a7400"),
    *("#c0504d", "#0f8ba0", "#5b8c2a", "#7a6a5f"),
)
"""At least 3 to 1 against the page's paper, light and dark (WCAG 1.4.11)."""

HUES = COLOURS[:6]
"""As many as a reader can tell apart."""

REST = "#80868c"

_WIDE = 10.0


class Curve(NamedTuple):
    """The mean curve of a row, a point per evaluation that every seed has.

    Attributes:
        over: what it cost until then, mean over seeds, by unit.
        quality: mean over seeds.
        low: end of the interval of that mean; the mean itself of one seed.
        high: the other end.
    """

    over: Mapping[Unit, list[float]]
    quality: list[float]
    low: list[float]
    high: list[float]


def mean_curve(
    runs: Sequence[Run], level: float = LEVEL, units: Sequence[Unit] = ("steps", "seconds")
) -> Curve:
    """Over finished runs, at the steps that all have evaluated. Of runs that were tuned in several
    studies, intervals are over studies.

    Args:
        runs: runs of one row, finished.
        level: level of the intervals.
        units: what costs are counted in; every record knows them.
    """
    by_step = [_by_step(run, units) for run in runs]
    curve = Curve({unit: [] for unit in units}, [], [], [])
    for step in sorted(set.intersection(*map(set, by_step))) if by_step else ():
        quality, *spent = zip(*(each[step] for each in by_step), strict=True)
        mean, low, high = estimated(quality, None, [run.study for run in runs]).interval(level)
        for unit, each in zip(units, spent, strict=True):
            curve.over[unit].append(fmean(each))
        curve.quality.append(mean)
        curve.low.append(mean if low is None else low)
        curve.high.append(mean if high is None else high)
    return curve


def _by_step(run: Run, units: Sequence[Unit]) -> dict[int, tuple[float, ...]]:
    """The quality of a run and its costs at each step that it evaluated."""
    curve = [*run.curve]
    columns = [costs(run, curve, unit) for unit in units]
    quality = [evaluation.metrics[run.task.headline.key] for evaluation in curve]
    steps = (evaluation.step for evaluation in curve)
    return dict(zip(steps, zip(quality, *columns, strict=True), strict=True))


def speed_curves(tables: Sequence[SpeedTable]) -> Figure:
    """Each section's curves, over updates on the left and over seconds in the middle, with the
    target, and on the right which share of the runs had arrived there.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(18, 4.2 * len(tables)), layout="constrained")
    panels = figure.subplots(len(tables), 3, squeeze=False)
    for (left, middle, right), table in zip(panels, tables, strict=True):
        middle.sharey(left)
        _draw(left, middle, table, table.clock)
        draw_arrivals(right, table)
        legend(right)
    return figure


def curves_of(blocks: Sequence[Block]) -> Figure:
    """Each block's curves, over updates on the left and over seconds on the right.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", extra="plots", purpose="figures")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.2 * len(blocks)), layout="constrained")
    for (left, right), block in zip(
        figure.subplots(len(blocks), 2, squeeze=False), blocks, strict=True
    ):
        right.sharey(left)
        _draw(left, right, block, "seconds")
        legend(right)
    return figure


def legend(panel: Axes, **options: Any) -> None:
    """A legend at the right of a panel."""
    panel.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0), **options)


class Stroke(NamedTuple):
    """How a row's curve is told from others, in matplotlib's words."""

    color: str
    linestyle: str


def stroke(row: int) -> Stroke:
    """Of the row in that place: ten colours, and for rows after the tenth another dash."""
    return Stroke(COLOURS[row % len(COLOURS)], _DASHES[row // len(COLOURS) % len(_DASHES)])


def told(row: int) -> bool:
    """Whether the row in that place on a board, from the best down, has a colour of its own."""
    return row < len(HUES)


def look(row: int) -> Stroke:
    """As `stroke`, on a board: the best few by colour, the rest as one grey group."""
    return Stroke(HUES[row] if told(row) else REST, "-")


def draw_curve(
    panel: Axes,
    over: Sequence[float],
    curve: Curve,
    drawn: Stroke,
    *,
    gid: str | None = None,
) -> Line2D:
    """Draws a mean and its interval, cut off at 0, below which no quality lies; a single point as a
    dot.

    Args:
        panel: drawn on.
        over: what each of its points cost.
        curve: curve of a row.
        drawn: how it looks.
        gid: id of the line and the interval in an SVG, the interval's followed by `-band`.

    Returns:
        The line.
    """
    band = None if gid is None else f"{gid}{BAND}"
    panel.fill_between(
        over,
        [max(low, 0) for low in curve.low],
        curve.high,
        color=drawn.color,
        alpha=0.15,
        linewidth=0,
        gid=band,
    )
    (line,) = panel.plot(
        over,
        curve.quality,
        **drawn._asdict(),
        linewidth=1.4,
        marker="o" if len(over) == 1 else "",
        gid=gid,
    )
    return line


def draw_convergence(
    panel: Axes,
    block: Block,
    curves: Mapping[int, Curve],
    over: tuple[Unit, str],
    drawn: Callable[[int], Stroke],
) -> None:
    """Draws the curves of a block's rows, each with its place as its gid, as a page shows them.

    Args:
        panel: drawn on.
        block: the rows.
        curves: curves by place, the last on top.
        over: unit of their costs, and the axis's label.
        drawn: how the row in a place looks.
    """
    unit, label = over
    target, metric = block.target.quality, block.section.task.headline
    for i, curve in curves.items():
        draw_curve(panel, curve.over[unit], curve, drawn(i), gid=f"{ROW}{i}")
    frame(panel, label, target)
    panel.grid(alpha=0.15)
    panel.set(ylim=heights(list(curves.values()), target))
    panel.set_ylabel(f"dev {metric.heading}")


def _draw(left: Axes, right: Axes, table: SpeedTable | Block, clock: Unit) -> None:
    for i, (key, runs) in enumerate(table.section.rows.items()):
        curve = mean_curve([run for run in runs if run.done], table.level, ("steps", clock))
        for panel, over in ((left, curve.over["steps"]), (right, curve.over[clock])):
            draw_curve(panel, over, curve, stroke(i)).set_label(name(key))
    for panel, label in ((left, table.section.task.step), (right, _seconds(clock))):
        frame(panel, label, table.target.quality)
    left.set_ylabel(f"dev {table.section.task.headline.heading}")
    left.set_title(table.section.dataset, loc="left")


def draw_arrivals(panel: Axes, table: SpeedTable) -> None:
    """Draws for each row the share of its runs that had arrived at the target by then, as Kaplan
    and Meier estimate it: runs that end before they arrive are censored there.
    """
    goal = table.target.quality
    for i, (key, runs) in enumerate(table.section.rows.items()):
        curves = [learning_curve(run, table.clock) for run in runs if run.done and run.curve]
        times, arrived = share_arrived(curves, goal) if goal is not None else ([], [])
        if len(times) > 0:
            look_of = stroke(i)._asdict()
            panel.step(times, arrived, where="post", **look_of, linewidth=1.4, label=name(key))
    panel.set_ylim(-0.03, 1.03)
    panel.set_ylabel("share of runs at the target")
    frame(panel, _seconds(table.clock), None)


def _seconds(clock: Unit) -> str:
    return f"{clock.replace('cpu', 'CPU')} of training"


def share_arrived(
    curves: Sequence[LearningCurve], quality: float
) -> tuple[list[float], list[float]]:
    """The share of runs that arrived, by Kaplan and Meier.

    Args:
        curves: one of each run.
        quality: dev quality to arrive at.

    Returns:
        Costs from 0 to the last end or arrival, and the share from each of them on.
    """
    from scipy.stats import CensoredData, ecdf

    if not curves:
        return [], []
    found = [curve.arrival(quality) for curve in curves]
    there = [time for time in found if time is not None]
    ends = [curve.end for curve, time in zip(curves, found, strict=True) if time is None]
    if not there:
        return [0.0, max(ends)], [0.0, 0.0]
    cdf = ecdf(CensoredData(uncensored=there, right=ends)).cdf
    return [0.0, *map(float, cdf.quantiles)], [0.0, *map(float, cdf.probabilities)]


def frame(panel: Axes, over: str, target: float | None) -> None:
    """What a panel has beside its curves: the axis's name and scale, a grid, and the target as a
    dotted line.

    Seconds are on a logarithmic scale where one row takes ten times as long as another.
    """
    from matplotlib.ticker import EngFormatter, NullFormatter, StrMethodFormatter

    panel.set_xlabel(over)
    if "seconds" not in over:
        # 2M, where the default would write 2.0 here and 1e6 at the end of the axis
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    elif _spread(panel) > _WIDE:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.3)
    if target is not None:
        panel.axhline(target, color="0.4", linestyle=":", linewidth=1)


def heights(curves: Sequence[Curve], target: float | None) -> tuple[float, float] | None:
    """What of the height is shown: means and target in full, intervals as far as a quarter of that
    beyond; None where all is one height.
    """
    means = [value for curve in curves for value in curve.quality] + (
        [target] if target is not None else []
    )
    low, high = min(means), max(means)
    beyond = (high - low) / 4
    if not beyond:
        return None
    lowest = min(min(curve.low) for curve in curves)
    highest = max(max(curve.high) for curve in curves)
    edge = (high - low) / 25
    return max(min(low, lowest), low - beyond) - edge, min(max(high, highest), high + beyond) + edge


def _spread(panel: Axes) -> float:
    """How many times further right the longest curve ends than the shortest."""
    along = [np.asarray(line.get_xdata(), np.float64) for line in panel.get_lines()]
    ends = [float(each.max()) for each in along if each.size]
    return max(ends) / min(ends) if ends and min(ends) > 0 else 1.0
