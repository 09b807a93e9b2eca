"""What a folder of runs held at one moment, so that looking up a run asks the file system for
nothing: across a network every question takes its time, and a folder may hold thousands of runs.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from vsebench.files import NONE

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.packs.pack import Pack, PackedRun

ID_DIGITS = 10
"""Digits of a run's id that end the name of its directory."""


class Listing:
    """A folder of runs at one moment, with its pack, if it had one."""

    def __init__(self, out: Path, pack: Pack | None = None) -> None:
        self._pack = pack
        self._all: set[str] = set()
        self._names: dict[str, list[str]] = {}
        try:
            with os.scandir(out) as entries:
                found = sorted(entry.name for entry in entries if entry.is_dir())
        except OSError as error:
            if error.errno in (*NONE, errno.EACCES, errno.EPERM):
                return
            raise
        self._all.update(found)
        for name in found:
            _, dash, digits = name.rpartition("-")
            if dash:
                self._names.setdefault(digits, []).append(name)

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def names(self, run_id: str) -> list[str]:
        """Names of the directories of a run: one, unless a person made copies."""
        return self._names.get(run_id[:ID_DIGITS], [])

    def packed(self, run_id: str) -> PackedRun | None:
        """A run of its pack.

        Raises:
            VsebenchError: the pack is damaged.
        """
        return None if self._pack is None else self._pack.by_id.get(run_id)
