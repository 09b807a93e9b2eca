"""What tuning found: the best quality to expect of the points that were tried, of a search that has
just ended, and of a board's rows from the `trials*.csv` beside a study's runs or in its folder
`tuning`.
"""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from vsebench.plugin.errors import DataError
from vsebench.report.figures.curves import Curve, draw_curve, legend, look, stroke
from vsebench.report.figures.sketches import Sketch, short_names, sketches
from vsebench.report.figures.svg import ROW
from vsebench.report.figures.weights import weight_sketches
from vsebench.report.statistics.expected_best import expected_band
from vsebench.report.statistics.means import LEVEL
from vsebench.report.wording import count, percent
from vsebench.text import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from vsebench.report.figures.curves import Stroke
    from vsebench.report.leaderboard.board import Board

FOLDER, PATTERN = "tuning", "trials*.csv"
Tried = dict[tuple[str, tuple[str, str]], list[float]]
"""Dev qualities of points by data set and row."""


def study_sketches(board: Board, study: Path) -> list[Sketch]:
    """The figures of a board, those of its poolings' weights where its runs keep them, and that of
    its tuning where a study has trials of its rows.

    Args:
        board: the board.
        study: folder of its study.

    Raises:
        DataError: a file is no table of trials.
    """
    tried = read_tried(study, board.block.section.task.headline.key)
    tuning = tuning_sketch(board, tried)
    return [*sketches(board), *weight_sketches(board), *([] if tuning is None else [tuning])]


def read_tried(study: Path, quality: str) -> Tried:
    """The points of the first rung, which no other trial's result chose; one that diverged counts
    as 0.

    Args:
        study: folder of a study.
        quality: headline metric of its task.

    Raises:
        DataError: a file is no table of trials.
    """
    found: Tried = {}
    for folder in (study, study / FOLDER):
        for path in sorted(folder.glob(PATTERN)):
            for line in _lines(path, f"dev_{quality}"):
                value = _quality(line[f"dev_{quality}"], path)
                found.setdefault(_row(line), []).append(value)
    return found


def tuning_sketch(board: Board, tried: Tried) -> Sketch | None:
    """The figure; None where nothing was tried for a row of the board."""
    section = board.block.section
    values = {
        i: tried[section.dataset, row]
        for i, row in enumerate(section.rows)
        if (section.dataset, row) in tried
    }
    if not values:
        return None
    metric, names = section.task.headline, short_names(board)
    curves = {i: _curve(each, board.block.level) for i, each in values.items()}

    def draw(panel: Axes) -> None:
        for i in sorted(curves, reverse=True):  # the best on top
            _draw(panel, curves[i], look(i), f"{ROW}{i}")
        _frame(panel, "points tried", metric.heading)
        panel.grid(alpha=0.15)

    return Sketch(
        "tuning",
        f"Best dev {metric.heading} to expect of as many points tried",
        f"With the first rung's schedule, and {percent(board.block.level)} bands by bootstrap. "
        "Where a curve still rises at its right end, more points would have helped; where curves "
        "cross, the ranking of rows depends on how much they are tuned.",
        {
            i: f"{names[i]}: dev {metric.text(curve.quality[-1])}, "
            f"{count(len(curve.quality), 'point')}"
            for i, curve in curves.items()
        },
        draw,
    )


def search_figure(tried: Mapping[str, Mapping[str, Sequence[float]]], heading: str) -> Figure:
    """The expected best over the number of points, a panel for each data set and a curve for each
    row.

    Args:
        tried: dev qualities of the points by data set and row.
        heading: name of the quality.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2 * len(tried)), layout="constrained")
    panels = figure.subplots(len(tried), 1, squeeze=False)
    for panel, (dataset, rows) in zip(panels[:, 0], tried.items(), strict=True):
        for place, (row, values) in enumerate(rows.items()):
            _draw(panel, _curve(values), stroke(place)).set_label(row)
        panel.set_title(dataset, loc="left")
        _frame(panel, "points tried, with the first rung's schedule", heading)
        panel.grid(alpha=0.3)
        legend(panel)
    return figure


def _draw(panel: Axes, curve: Curve, drawn: Stroke, gid: str | None = None) -> Line2D:
    return draw_curve(panel, range(1, len(curve.quality) + 1), curve, drawn, gid=gid)


def _frame(panel: Axes, over: str, heading: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel(over)
    panel.set_ylabel(f"expected best dev {heading}")


def _curve(values: Sequence[float], level: float = LEVEL) -> Curve:
    return Curve({}, *(each.tolist() for each in expected_band(values, level)))


def _lines(path: Path, quality: str) -> Iterator[dict[str, str]]:
    """The trials of the first rung."""
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        lines = list(reader)
        heads = reader.fieldnames or ()
    except csv.Error as error:
        raise DataError(f"{path} cannot be read ({error})") from error
    if not {"dataset", "loss", quality} <= set(heads):
        raise DataError(
            f"{path} is no table of trials: expected columns dataset, loss and {quality}, as "
            "'vsebench tune' writes them; give it another name"
        )
    yield from (line for line in lines if line.get("rung") in (None, "0"))


def _quality(text: str | None, path: Path) -> float:
    """A quality as a table has it."""
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise DataError(
            f"{path} has the dev quality {text!r}: expected a number of at least 0, or nothing; "
            "tune again"
        )
    return value


def _row(line: Mapping[str, str]) -> tuple[str, tuple[str, str]]:
    """The data set and the row of a trial, as runs have them."""
    pooling, sampler, loss = (line.get(axis) or "" for axis in ("pooling", "sampler", "loss"))
    if not pooling:
        return line["dataset"], (sampler, loss)
    return line["dataset"], (pooling, f"{loss},{sampler}" if sampler else loss)
