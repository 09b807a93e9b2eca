"""The studies of a site, which are folders and packs that were given or lie below these, and names
for files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import MissingError, VsebenchError
from vsebench.report.leaderboard.board import boards
from vsebench.report.rows.external import external_of
from vsebench.report.rows.gather import gather, refuse_copies
from vsebench.results.folder.store import RunDirectory, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vsebench.report.leaderboard.board import Board
    from vsebench.report.rows.gather import Gathered

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


@dataclass(frozen=True)
class Study:
    """A folder of runs, or a pack.

    Attributes:
        name: its folder, below the one that was given.
        slug: stem of its page's file name.
        gathered: its runs.
        path: the folder itself.
        boards: its rows from the best down, a board for each data set, protocol and metric version.
    """

    name: str
    slug: str
    gathered: Gathered
    path: Path
    boards: tuple[Board, ...]


def read_studies(
    places: Sequence[Path], slugs: Slugs, *, allow_mixed: bool = False, level: float
) -> list[Study]:
    """Every study in some folders.

    Args:
        places: folders of runs, packs, or folders with such inside, at any depth.
        slugs: gives their pages names.
        allow_mixed: give rows that differ in what must be equal boards of their own, instead of
            refusing them.
        level: level of the intervals and of the tests.

    Raises:
        MissingError: there is no such folder.
        VsebenchError: nothing in it has ended, a file is damaged, or rows differ in what must be
            equal.
    """
    studies = []
    for name, path in [each for place in places for each in _found(place)]:
        gathered = gather([path])
        refuse_copies(gathered, allow_mixed=allow_mixed)
        made = boards(gathered.ended, external_of([path]), allow_mixed=allow_mixed, level=level)
        studies.append(Study(name, slugs.of(name), gathered, path, made))
    return studies


def _found(place: Path) -> Iterator[tuple[str, Path]]:
    if not place.exists():
        raise MissingError(
            f"there is no folder {place}: give folders that 'vsebench run --out' wrote to, packs, "
            "or a folder with such inside"
        )
    if place.is_file() or RunDirectory(place).holds_run or Store(place).runs():
        yield place.resolve().name, place
        return
    inside = list(_below(place, {place.resolve()}))
    if not inside:
        raise VsebenchError(
            f"neither {place} nor a folder inside holds runs: give folders that 'vsebench run "
            "--out' wrote to, packs, or a folder with such inside"
        )
    for path in inside:
        yield path.relative_to(place).as_posix(), path


def _below(place: Path, seen: set[Path]) -> Iterator[Path]:
    """Folders of runs below a folder, each once however many links lead to it."""
    for path in sorted(place.iterdir()):
        if not path.is_dir() or path.name.startswith(".") or path.resolve() in seen:
            continue
        seen.add(path.resolve())
        if not RunDirectory(path).holds_run:
            if Store(path).runs():
                yield path
            yield from _below(path, seen)
