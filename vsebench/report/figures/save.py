"""Figures as files, whose bytes depend on nothing but what they show, and those of a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.files import replacing
from vsebench.plugin.errors import VsebenchError, require
from vsebench.report.figures.curves import REST, legend, look, told
from vsebench.report.figures.matrix import draw_matrix, matrix
from vsebench.report.figures.sketches import UNITS, short_names
from vsebench.report.figures.tried import study_sketches
from vsebench.report.figures.weights import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vsebench.report.leaderboard.board import Board

FORMATS = (".png", ".svg", ".pdf")
_DATES = {"svg": "Date", "pdf": "CreationDate"}


def check_figure(path: Path) -> None:
    """Refuses a figure that cannot be drawn, before what it shows is made.

    Raises:
        VsebenchError: the ending is of no known format.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise VsebenchError(
            f"cannot tell the format of the figure '{path}': end its name in {', '.join(FORMATS)}"
        )
    require("matplotlib", extra="plots", purpose="figures")


def write_figure(figure: Figure, path: Path, dpi: int = 150) -> None:
    """Writes a figure in the format that the ending of its path tells, without a date.

    Args:
        figure: the figure.
        path: path of the file, which `check_figure` accepts.
        dpi: dots per inch of what has pixels.

    Raises:
        WriteError: the file cannot be written.
    """
    import matplotlib as mpl

    form = path.suffix.lower().removeprefix(".")
    undated = {_DATES[form]: None} if form in _DATES else None
    with mpl.rc_context({"svg.hashsalt": "vsebench"}), replacing(path) as file:
        figure.savefig(file, format=form, dpi=dpi, metadata=undated)


KEYS = (*(words.key for words in UNITS.values()), "cost", WEIGHTS, "tuning", "differences")
"""Names of the figures; a board has either `cpu` or `wall`, and a figure of `weights` a side."""


def save_figures(
    board: Board, study: Path, beginning: Path, form: str, only: Collection[str] = ()
) -> list[Path]:
    """Draws each figure of a board to a file of its own.

    Args:
        board: the board.
        study: folder of its study.
        beginning: beginning of the files' paths, in a folder that exists.
        form: `png`, `svg` or `pdf`.
        only: names of the figures wanted; empty for all.

    Returns:
        Paths of the files.

    Raises:
        WriteError: a file cannot be written.
    """
    written = []
    for key, figure in _figures(board, study):
        if only and key.removesuffix("-image").removesuffix("-text") not in only:
            continue
        path = beginning.with_name(f"{beginning.name}-{key}.{form}")
        write_figure(figure, path, dpi=200)
        written.append(path)
    return written


def _figures(board: Board, study: Path) -> Iterator[tuple[str, Figure]]:
    from matplotlib.figure import Figure

    for sketch in study_sketches(board, study):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        panel = figure.subplots()
        sketch.draw(panel)
        panel.set_title(sketch.about, loc="left", fontsize="medium")
        _legend(panel, [short_names(board)[row] for row in sorted(sketch.titles)], sketch.titles)
        yield sketch.key, figure
    found = matrix(board)
    if found is not None:
        side = 1.6 + 0.55 * len(found.names)
        figure = Figure(figsize=(side, side), layout="constrained")
        draw_matrix(found, figure.subplots())
        yield "differences", figure


def _legend(panel: Axes, names: list[str], rows: Collection[int]) -> None:
    """The rows with a colour, and how many are grey."""
    from matplotlib.lines import Line2D

    own = [(row, name) for row, name in zip(sorted(rows), names, strict=True) if told(row)]
    handles = [Line2D([], [], color=look(row).color, label=name) for row, name in own]
    rest = len(names) - len(own)
    if rest:
        handles.append(Line2D([], [], color=REST, label=f"{rest} more row{'s' * (rest > 1)}"))
    legend(panel, handles=handles, frameon=False)
