"""How rows are told apart in a figure: the best few by colour, the rest as one grey group."""

from __future__ import annotations

from vsebench.report.curves import Stroke

HUES = ("#2b7cb8", "#cc5c00", "#1f8a66", "#b8568f", "#8a6fd1", "#9a7400")
"""At least 3 to 1 against the page's paper, light and dark (WCAG 1.4.11)."""

REST = "#80868c"


def told(row: int) -> bool:
    """Whether the row in that place from the best down has a colour of its own."""
    return row < len(HUES)


def look(row: int) -> Stroke:
    """How the curve of the row in that place is drawn."""
    return Stroke(HUES[row] if told(row) else REST, "-")
