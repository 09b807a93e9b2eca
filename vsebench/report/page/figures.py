"""Training curves as inline SVG, in the colours of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import require
from vsebench.report.figures.curves import draw_curve, frame, heights, mean_curve, stroke
from vsebench.report.figures.svg import ROW, to_svg
from vsebench.report.wording import percent, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from vsebench.report.figures.curves import Curve
    from vsebench.report.rows.combinations import Block

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
        i: (key, mean_curve([run for run in runs if run.done], block.level))
        for i, (key, runs) in enumerate(rows.items())
    }
    drawn = {i: curve for i, (_, curve) in curves.items() if curve.steps}
    if not drawn:
        return None
    legend = [
        Key(i, short(curves[i][0], rows), to_hex(stroke(i).color), _DASHES[stroke(i).linestyle])
        for i in drawn
    ]
    quality = f"Dev {block.section.task.headline.heading}"
    return Figures(
        legend,
        [
            Drawing(
                f"{quality} over updates",
                _svg(
                    block,
                    {i: curve.steps for i, curve in drawn.items()},
                    drawn,
                    "updates",
                    f"b{number}u-",
                ),
            ),
            Drawing(
                f"{quality} over seconds",
                _svg(
                    block,
                    {i: curve.seconds for i, curve in drawn.items()},
                    drawn,
                    "seconds of training",
                    f"b{number}s-",
                ),
            ),
        ],
        percent(block.level),
    )


def _svg(
    block: Block,
    over: Mapping[int, Sequence[float]],
    curves: Mapping[int, Curve],
    axis: str,
    prefix: str,
) -> str:
    def draw(panel: Axes) -> None:
        for i, curve in curves.items():
            draw_curve(panel, over[i], curve, stroke(i), gid=f"{ROW}{i}")
        frame(panel, axis, block.target.quality)
        panel.grid(alpha=0.15)
        panel.set(ylim=heights(list(curves.values()), block.target.quality))
        panel.set_ylabel(f"dev {block.section.task.headline.heading}")

    return to_svg(draw, prefix)
