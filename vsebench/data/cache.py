"""The user's cache folder: notes of what was learnt about files, and the folders of generated data
sets, which appear whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from vsebench.files import appearing, guarded, write_text
from vsebench.plugin import DataError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTLED = 2.0


def settled(changed: float) -> bool:
    """Whether a file last changed at that time (seconds since the epoch) would get another time
    stamp by changing again.
    """
    return time.time() - changed > _SETTLED


def cache_dir() -> Path:
    """`$VSEBENCH_CACHE`, else the platform's cache folder, else (where that cannot be written) one
    among the temporary files.
    """
    chosen = os.environ.get("VSEBENCH_CACHE")
    if chosen:
        return Path(chosen).absolute()
    usual = user_cache_path("vsebench")
    return usual if _writable(usual) else Path(tempfile.gettempdir()) / f"vsebench-{os.getuid()}"


def read_note(path: Path) -> dict[str, Any] | None:
    """The JSON object stored at `path`; None when there is none that can be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Stores a JSON object, whole or not at all; a cache that cannot be written is done without."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(note))


def _writable(folder: Path) -> bool:
    """Whether the folder can be made or written: asked of the nearest folder that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def build(folder: Path, needed: int, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write into a folder that becomes `folder`. Processes that race each fill their
    own; the first one's is kept.

    Args:
        folder: does not exist yet.
        needed: bytes that will be written, about.
        fill: writes the files.

    Raises:
        DataError: the disk is too small.
        WriteError: it is full or cannot be written.
    """
    try:
        with (
            guarded(folder, choose="another cache folder with VSEBENCH_CACHE"),
            appearing(folder) as unfinished,
        ):
            check_space(folder, needed, "the generated set")
            fill(unfinished)
    except WriteError:
        if not folder.is_dir():  # else another process was faster, with the same content
            raise


def check_space(folder: Path, needed: int, what: str) -> None:
    """Refuses to write what its disk cannot hold.

    Args:
        folder: where it is written; the folder around it exists.
        needed: bytes.
        what: what is written, in words.

    Raises:
        DataError: the disk is too small.
    """
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DataError(
            f"{what} needs {needed / 1e9:.1f} GB in {folder.parent}, which has "
            f"{free / 1e9:.1f} GB free: "
            "ask for less, or set VSEBENCH_CACHE to a folder with more space"
        )
