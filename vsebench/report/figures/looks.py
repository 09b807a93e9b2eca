"""How rows are told apart in a figure: the best few by colour, the rest as one grey group."""

from __future__ import annotations

from typing import NamedTuple

HUES = ("#2b7cb8", "#cc5c00", "#1f8a66", "#b8568f", "#8a6fd1", "#9a7400")
"""At least 3 to 1 against the page's paper, light and dark (WCAG 1.4.11)."""

REST = "#80868c"


class Look(NamedTuple):
    """Of a row.

    Attributes:
        color: as matplotlib and CSS write it.
        linestyle: as matplotlib writes it.
        told: whether the row has a colour of its own.
    """

    color: str
    linestyle: str
    told: bool


def look(row: int) -> Look:
    """Of the row in that place from the best down."""
    return Look(HUES[row], "-", told=True) if row < len(HUES) else Look(REST, "-", told=False)
