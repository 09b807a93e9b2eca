"""Names of files made from names of anything."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^a-z0-9.]+")
_LONGEST = 80


class Slugs:
    """Gives each name a file name of its own, of letters, digits, dots and dashes."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """A file name without its ending, given to nobody else."""
        stem = _OTHER.sub("-", name.lower()).strip("-.")[:_LONGEST] or "unnamed"
        slug, number = stem, 2
        while slug in self._taken:
            slug, number = f"{stem}-{number}", number + 1
        self._taken.add(slug)
        return slug
