"""Tables of text; those for a terminal end where it does."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

UNBOUNDED = 10_000
"""Where no terminal ends a line, whoever reads on cuts it."""

_GAP = "  "
_NARROWEST = 8
_TOGETHER = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_KEPT = "\N{NO-BREAK SPACE}"


def terminal_width(elsewhere: int = UNBOUNDED) -> int:
    """Columns of the terminal, or what `COLUMNS` says.

    Args:
        elsewhere: width where output goes elsewhere.
    """
    return shutil.get_terminal_size((elsewhere, 1)).columns


def filled(text: str, width: int, indent: str = "  ") -> str:
    """A note wrapped at a width, lines after the first indented."""
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def with_notes(table: str, notes: Iterable[str]) -> str:
    """A table and the notes below it, wrapped where the terminal ends."""
    width = terminal_width()
    return "\n".join([table, "", *(filled(note, width) for note in notes)])


def tabled(
    headers: Sequence[str], rows: Sequence[Sequence[object]], sides: str, form: str = "simple"
) -> str:
    """A table as tabulate writes it, its cells as they are.

    Args:
        headers: a heading for each column.
        rows: cells.
        sides: side of each column's cells, `l` or `r`: `llrr`.
        form: tabulate's name of the format.
    """
    from tabulate import tabulate

    aligned = [{"l": "left", "r": "right"}[side] for side in sides]
    return tabulate(rows, headers, tablefmt=form, colalign=aligned, disable_numparse=True)


def listing(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    rights: Collection[int] = (),
    width: int | None = None,
) -> str:
    """A table whose cells wrap where it would be wider than the terminal, the widest first, and
    between words as long as that is enough.

    Args:
        headers: a heading for each column.
        rows: cells; a line end in one begins a new line.
        rights: the columns that are aligned to the right, from 0.
        width: columns of the terminal; by default those of this one.
    """
    table = [[_kept(str(cell)) for cell in row] for row in (headers, *rows)]
    widths = _fitted(table, (width or terminal_width()) - len(_GAP) * (len(headers) - 1))
    head, *body = ("\n".join(_lines(row, widths, rights)) for row in table)
    rule = _GAP.join("-" * each for each in widths)
    return "\n".join([head, rule, *body]).replace(_KEPT, " ")


def _kept(text: str) -> str:
    """A cell in which what short brackets hold is one word."""
    return _TOGETHER.sub(
        lambda found: found[0].replace(" ", _KEPT) if len(found[0]) <= _LONGEST else found[0], text
    )


_LONGEST = 20
"""Brackets of more characters are text like any other."""


def _fitted(table: Sequence[Sequence[str]], room: int) -> list[int]:
    """A width for each column, together no more than there is room for."""
    columns = list(zip(*table, strict=True))
    widths = [max(len(line) for text in each for line in text.split("\n")) for each in columns]
    words = [
        max((len(word) for text in each for word in re.split(r"[ \n]", text)), default=0)
        for each in columns
    ]
    while sum(widths) > room:
        wide = [i for i, each in enumerate(widths) if each > _NARROWEST]
        loose = [i for i in wide if widths[i] > words[i]]
        if not wide:
            break
        widths[max(loose or wide, key=lambda i: widths[i])] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], rights: Collection[int]) -> list[str]:
    """A row in as many lines as its longest cell needs."""
    cells = [_wrapped(text, limit) for text, limit in zip(row, widths, strict=True)]
    return [
        _GAP.join(
            part.rjust(limit) if i in rights else part.ljust(limit)
            for i, limit in enumerate(widths)
            for part in [cells[i][line] if line < len(cells[i]) else ""]
        ).rstrip()
        for line in range(max(map(len, cells)))
    ]


def _wrapped(text: str, width: int) -> list[str]:
    return [
        part
        for line in text.split("\n")
        for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    ]
