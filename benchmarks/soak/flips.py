"""Bits flipped in files, as a failing disk flips them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN_FILES = (
    "record.json",
    "curve.jsonl",
    "ranks.npz",
    "done",
    "best.safetensors",
    "vocabulary.txt",
    "checkpoint.pt",
    "offline.npz",
)


def files_of_runs(out: Path) -> list[Path]:
    """The files that a bit may be flipped in, by name, checkpoints of running runs included."""
    return sorted(path for name in RUN_FILES for path in out.glob(f"*/{name}"))


def files_of_cache(cache: Path) -> list[Path]:
    """Likewise of the generated data, and of the notes on it."""
    return sorted(
        path
        for path in cache.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    )


def flip(paths: Sequence[Path], which: float, where: float, *, keep_time: bool) -> Path | None:
    """Flips one bit of one of the files.

    Args:
        paths: the files.
        which: which of them, from 0 to below 1.
        where: which of its bits, likewise.
        keep_time: whether the file keeps its time of change, as with a disk that fails.

    Returns:
        The file; None where it is gone or empty.
    """
    if not paths:
        return None
    path = paths[int(which * len(paths))]
    try:
        with path.open("r+b", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not found.st_size:
                return None
            place, bit = divmod(int(where * found.st_size * 8), 8)
            (byte,) = os.pread(file.fileno(), 1, place)
            os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
            if keep_time:
                os.utime(file.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
    except (FileNotFoundError, ValueError):  # it was replaced or cut meanwhile
        return None
    return path
