"""Markdown documents with tables between markers that name the commands that make them.

    <!-- vsebench report results/flickr8k/headline -->
    …
    <!-- /vsebench -->

Markers stand on lines of their own, and neither within code blocks nor indented: there they are
text, as above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

END = "<!-- /vsebench -->"

_START = re.compile(r"<!-- (vsebench\b.*?) *-->")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Place:
    """A table in a document.

    Attributes:
        command: command that makes it.
        line: number of the line of its first marker, from 1.
        content: the lines between its markers.
    """

    command: str
    line: int
    content: str


def places(text: str) -> list[Place]:
    """The tables of a document, in order.

    Args:
        text: text of the document, with line ends of one character.

    Raises:
        SpecError: a marker lacks its counterpart; the message begins with the line's number.
    """
    found: list[Place] = []
    start: tuple[int, str] | None = None
    fence, content = "", list[str]()
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        bare = line.rstrip()
        opens = _START.fullmatch(bare) if not fence else None
        if start is None and opens is not None:
            start, content = (number, opens[1]), []
        elif start is not None and bare == END:
            found.append(Place(start[1], start[0], "".join(content)))
            start = None
        elif start is not None and _START.fullmatch(bare):
            break
        elif start is not None:
            content.append(line)
        elif bare == END and not fence:
            raise SpecError(f"line {number}: '{END}' ends no table: take it out")
        else:
            fence = _fence_after(fence, bare)
    if start is not None:
        raise SpecError(f"line {start[0]}: the table of '{start[1]}' has no end: write '{END}'")
    return found


def with_contents(text: str, contents: Sequence[str]) -> str:
    """A document with other contents between its markers, one for each of its places."""
    lines = text.splitlines(keepends=True)
    for place, content in reversed(list(zip(places(text), contents, strict=True))):
        old = len(place.content.splitlines())
        lines[place.line : place.line + old] = [content]
    return "".join(lines)


def _fence_after(fence: str, line: str) -> str:
    """The fence of the code block that is open after a line; empty outside of one."""
    found = _FENCE.match(line)
    if found is None:
        return fence
    if not fence:
        return found[1]
    closes = found[1].startswith(fence) and not line.strip(" " + fence[0])
    return "" if closes else fence
