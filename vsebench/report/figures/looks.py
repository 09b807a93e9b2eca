"""How rows are told apart in a figure: the best few by colour, the rest as one grey group."""

from __future__ import annotations

from vsebench.report.figures.curves import COLOURS, Stroke

HUES = COLOURS[:6]
"""As many as a reader can tell apart."""

REST = "#80868c"


def told(row: int) -> bool:
    """Whether the row in that place from the best down has a colour of its own."""
    return row < len(HUES)


def look(row: int) -> Stroke:
    """How the curve of the row in that place is drawn."""
    return Stroke(HUES[row] if told(row) else REST, "-")
