"""Training curves as inline SVG, in the colours of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import require
from vsebench.report.figures.curves import draw_convergence, mean_curve, stroke
from vsebench.report.figures.svg import to_svg
from vsebench.report.wording import percent, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.report.rows.combinations import Block
    from vsebench.report.speed.learning_curve import Unit

_DASHES: Mapping[str, str] = {"-": "none", "--": "5 3", ":": "1.5 2.5", "-.": "6 2.5 1.5 2.5"}


class Key(NamedTuple):
    """A row in the legend.

    Attributes:
        row: its number, by which the page's script finds its curves.
        name: its components.
        colour: colour of its line, as CSS writes it.
        dash: `stroke-dasharray` of its line.
    """

    row: int
    name: str
    colour: str
    dash: str


class Drawing(NamedTuple):
    """An SVG element, safe to put into a page as it is, with what it shows."""

    about: str
    svg: str


@dataclass(frozen=True)
class Figures:
    """The curves of a block and one legend for all of them.

    Attributes:
        legend: a key for each row with a curve.
        drawings: drawings over updates and over seconds.
        level: level of the intervals, as text.
    """

    legend: list[Key]
    drawings: list[Drawing]
    level: str


def figures(block: Block, number: int) -> Figures | None:
    """Dev quality over updates and over seconds; None where no run has a curve.

    Args:
        block: block whose runs to draw.
        number: number of the block on its page, which keeps the ids of figures apart.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", extra="plots", purpose="figures")
    from matplotlib.colors import to_hex

    rows = block.section.rows
    curves = {
        i: curve
        for i, runs in enumerate(rows.values())
        if (curve := mean_curve([run for run in runs if run.done], block.level)).quality
    }
    if not curves:
        return None
    names = [short(row, rows) for row in rows]
    quality = f"Dev {block.section.task.headline.heading}"
    panels: tuple[tuple[Unit, str, str], ...] = (
        ("steps", "updates", "u"),
        ("seconds", "seconds of training", "s"),
    )
    return Figures(
        [Key(i, names[i], to_hex(stroke(i).color), _DASHES[stroke(i).linestyle]) for i in curves],
        [
            Drawing(
                f"{quality} over {axis.partition(' ')[0]}",
                to_svg(
                    partial(
                        draw_convergence,
                        block=block,
                        curves=curves,
                        over=(unit, axis),
                        drawn=stroke,
                    ),
                    f"b{number}{letter}-",
                ),
            )
            for unit, axis, letter in panels
        ],
        percent(block.level),
    )
