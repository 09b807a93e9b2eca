"""The user's cache folder, notes in it of what is known about files, and digests of content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from vsebench.files import read_json, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTLED = 2.0
_CHECK = "check"


def digest(content: object) -> str:
    """SHA-256 of what JSON can say, hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def known_of(path: Path, kind: str, find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is known of a file: noted, or found again when its size or time of change is another.

    Args:
        path: the file.
        kind: the cache's folder of such notes.
        find: what finds it, as JSON can hold it.

    Raises:
        OSError: the file is not there.
    """
    stat = path.stat()
    identity = {"path": str(path.absolute()), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    note_path = cache_dir() / kind / f"{digest(identity)[:16]}.json"
    note = read_note(note_path)
    if note is not None and identity.items() <= note.items():
        return note
    found = find()
    if settled(stat.st_mtime):
        write_note(note_path, identity | found)
    return found


def read_note(path: Path) -> dict[str, Any] | None:
    """The JSON object stored at `path`; None when there is none that can be read and is whole."""
    try:
        note = read_json(path)
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.pop(_CHECK, None) not in (None, digest(note)[:16]):
        return None
    return note


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Stores a JSON object, whole or not at all; a cache that cannot be written is done without."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({**note, _CHECK: digest(note)[:16]}))


def _writable(folder: Path) -> bool:
    """Whether the folder can be made or written: asked of the nearest folder that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


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
