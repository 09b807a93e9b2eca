"""Generated data sets, in the user's cache: their folders appear whole or not at all, and what is
found damaged is generated again.
"""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING

from vsebench.data.cache import check_space, file_digest, read_note
from vsebench.data.fingerprint import scan
from vsebench.files import appearing, guarded, move, queued, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUMS = "sha256.json"
"""In the folder of a set: SHA-256 of its files by name."""

_log = logging.getLogger("vsebench")


def ensure_generated(folder: Path, needed: int, fill: Callable[[Path], None]) -> None:
    """Sees to it that the folder of a set is there and holds what was generated. A file is hashed
    when it has changed since it was last hashed.

    Args:
        folder: folder of the set.
        needed: bytes that will be written, about.
        fill: writes the files into the folder that it is given, the same for the same set.

    Raises:
        DataError: the disk is too small.
        WriteError: it is full or cannot be written.
    """
    if _damage(folder) is None:
        return
    with guarded(folder, choose="another cache folder with VSEBENCH_CACHE"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with queued(folder.with_name(f".{folder.name}.lock"), lambda: None):
            found = _damage(folder)  # again: another process may have been faster
            if found is None:
                return
            if folder.is_dir():
                _set_aside(folder, found)
            check_space(folder, needed, "the generated set")
            with appearing(folder) as unfinished:
                fill(unfinished)
                sums = {path.name: file_digest(path) for path in sorted(unfinished.iterdir())}
                write_text(unfinished / SUMS, json.dumps(sums, indent=1) + "\n")


def _damage(folder: Path) -> str | None:
    """Which file is not what was generated; None where all are."""
    sums = read_note(folder / SUMS)
    if not sums:
        return SUMS
    try:
        return next((name for name in sums if scan(folder / name).sha256 != sums[name]), None)
    except DataError as error:
        return str(error)


def _set_aside(folder: Path, why: str) -> None:
    damaged = folder.with_name(f"{folder.name}.damaged")
    _log.warning("%s is damaged (%s): set aside as %s and generated again", folder, why, damaged)
    shutil.rmtree(damaged, ignore_errors=True)
    move(folder, damaged)
