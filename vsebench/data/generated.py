"""Folders of generated data sets: they appear whole, by a rename, or not at all."""

from __future__ import annotations

import secrets
import shutil
import time
from typing import TYPE_CHECKING

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ABANDONED = 3600.0
"""Seconds without a write after which an unfinished folder is taken for that of a process that
died.
"""


def build(folder: Path, needed: int, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write into a folder that becomes `folder`. Processes that race each fill their
    own; the first one's is kept.

    Args:
        folder: does not exist yet.
        needed: bytes that will be written, about.
        fill: writes the files.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.unfinished")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        _check_space(folder, needed)
        unfinished.mkdir()
        fill(unfinished)
        if not folder.is_dir():
            _publish(unfinished, folder)
    except OSError as error:
        raise DataError(
            f"cannot write {folder}: {error.strerror or error}; set VSEBENCH_CACHE to a folder "
            "with space that can be written"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _publish(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, with the same content
            raise


def _sweep(folder: Path) -> None:
    """Removes what processes that died left behind."""
    for left in folder.parent.glob(f".{folder.name}.*.unfinished"):
        newest = max((f.stat().st_mtime for f in [left, *left.iterdir()]), default=0.0)
        if time.time() - newest > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DataError(
            f"the generated set needs {needed / 1e9:.1f} GB in {folder.parent}, which has "
            f"{free / 1e9:.1f} GB free: ask for less, or set VSEBENCH_CACHE to a folder with more "
            "space"
        )
