"""Training curves as inline SVG, in the colours of the page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

from vsebench.plugin.extras import require
from vsebench.report.curves import draw_curve, frame, mean_curve, stroke
from vsebench.report.rows import combinations_of
from vsebench.report.wording import name, percent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vsebench.report.curves import Curve
    from vsebench.report.rows import Block

# stands for the colour of the page's text, which is not known when the figure is drawn
_INK = "#010203"
_ROW = "row-"
_DASHES: Mapping[str, str] = {"-": "none", "--": "5 3", ":": "1.5 2.5", "-.": "6 2.5 1.5 2.5"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        ),
        _INK,
    ),
    "axes.spines.top": False,
    "axes.spines.right": False,
}


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

    rows = combinations_of(block.section)
    curves = {
        i: (key, mean_curve([run for run in runs if run.done], block.level))
        for i, (key, runs) in enumerate(rows.items())
    }
    drawn = {i: curve for i, (_, curve) in curves.items() if curve.steps}
    if not drawn:
        return None
    legend = [
        Key(i, _short(curves[i][0], rows), to_hex(stroke(i).color), _DASHES[stroke(i).linestyle])
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


def _short(combination: tuple[str, str], rows: Collection[tuple[str, str]]) -> str:
    """A row's components, without one that all rows have."""
    varied = [
        component
        for component, found in zip(combination, zip(*rows, strict=True), strict=True)
        if len(set(found)) > 1
    ]
    return varied[0] if len(varied) == 1 else name(combination)


def _svg(
    block: Block,
    over: Mapping[int, Sequence[float]],
    curves: Mapping[int, Curve],
    axis: str,
    prefix: str,
) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": prefix}):
        figure = Figure(figsize=(5.6, 3.5), layout="constrained")
        panel = figure.subplots()
        for i, curve in curves.items():
            draw_curve(panel, over[i], curve, stroke(i), gid=f"{_ROW}{i}")
        frame(panel, axis, block.target.quality)
        panel.grid(alpha=0.15)
        panel.set(ylim=_heights(list(curves.values()), block.target.quality))
        panel.set_ylabel(f"dev {block.section.task.headline.heading}")
        written = io.StringIO()
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    return _inline(written.getvalue(), prefix)


def _heights(curves: Sequence[Curve], target: float | None) -> tuple[float, float] | None:
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
    lowest, highest = (
        min(min(curve.low) for curve in curves),
        max(max(curve.high) for curve in curves),
    )
    edge = (high - low) / 25
    return max(min(low, lowest), low - beyond) - edge, min(max(high, highest), high + beyond) + edge


def _inline(document: str, prefix: str) -> str:
    """The element of an SVG document, without what only a file of its own needs; ids are made the
    page's own, and those of rows become classes.
    """
    root = ET.fromstring(document)
    for parent in list(root.iter()):
        # Its rules would hold for the whole page
        for child in [child for child in parent if child.tag.endswith("}style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {
            key.rpartition("}")[2]: value.replace(_INK, "currentColor")
            for key, value in element.attrib.items()
        }
        element.attrib.clear()
        element.attrib.update(
            {key: _local(key, value, prefix) for key, value in attributes.items()}
        )
        if (own := attributes.get("id", "")).startswith(_ROW):
            del element.attrib["id"]
            element.set("class", f"curve {own.removesuffix('-band')}")
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    return ET.tostring(root, encoding="unicode")


def _local(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return f"{prefix}{value}"
    if key == "href":
        return value.replace("#", f"#{prefix}", 1)
    return value.replace("url(#", f"url(#{prefix}")
