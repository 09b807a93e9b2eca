"""The user's cache folder: what was learnt about files, and generated data sets."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from vsebench.files import write_text

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
