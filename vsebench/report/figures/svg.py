"""Figures as SVG elements that take the colours of the page around them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes

ROW = "row-"
"""Begins the matplotlib gid of what belongs to a row, and the class that comes of it."""

BAND = "-band"
"""Ends the gid of a second artist of the same row."""

# stands for the colour of the page's text, which is not known when the figure is drawn
_INK = "#010203"
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


def to_svg(
    draw: Callable[[Axes], None],
    prefix: str,
    titles: Mapping[int, str] | None = None,
    size: tuple[float, float] = (5.6, 3.5),
) -> str:
    """A figure of one panel as an SVG element, safe to put into a page as it is.

    Args:
        draw: draws on the panel.
        prefix: begins every id, so that figures of one page keep apart.
        titles: what a browser shows where the artists of a row are pointed at, by row.
        size: width and height in inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": prefix}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        written = io.StringIO()
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    return _inline(written.getvalue(), prefix, titles or {})


def _inline(document: str, prefix: str, titles: Mapping[int, str]) -> str:
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
    for element in list(root.iter()):
        own = element.get("id", "").removeprefix(prefix)
        if own.startswith(ROW):
            row = own.removesuffix(BAND)
            del element.attrib["id"]
            element.set("class", f"curve {row}")
            element.set("data-row", row.removeprefix(ROW))
            if text := titles.get(int(row.removeprefix(ROW)), ""):
                title = ET.Element("title")
                title.text = text
                element.insert(0, title)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    return ET.tostring(root, encoding="unicode")


def _local(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return f"{prefix}{value}"
    if key == "href":
        return value.replace("#", f"#{prefix}", 1)
    return value.replace("url(#", f"url(#{prefix}")
