"""The marker of a run that ended well: what its files were then.

`done` has a line for each of them, its SHA-256 and its name, as `sha256sum --check done` reads. The
markers of older releases are empty, and say nothing. Arrays are not in it: packs give back their
values and not their bytes, and a zip file has checksums of its own.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_LINE = re.compile(r"([0-9a-f]{64})  ([a-z]+(?:\.[a-z]+)?)")

Sums = dict[str, frozenset[str]]
"""Digests by file name: several while a record takes the place of another."""


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """As `digest`, of a file that may be larger than memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(sums: Mapping[str, Iterable[str]]) -> str:
    """The marker's text."""
    return "".join(f"{each}  {name}\n" for name, digests in sums.items() for each in digests)


def unsealed(text: str) -> Sums:
    """What a marker says.

    Raises:
        ValueError: it is damaged.
    """
    sums: Sums = {}
    for line in text.splitlines(keepends=True):
        match = _LINE.fullmatch(line.removesuffix("\n"))
        if match is None or not line.endswith("\n"):
            raise ValueError("a line that is no checksum")
        sums[match[2]] = sums.get(match[2], frozenset()) | {match[1]}
    return sums
