"""Figures as files, whose bytes depend on nothing but what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.files import replacing
from vsebench.plugin.errors import VsebenchError, require

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

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
