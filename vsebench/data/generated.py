"""Folders of generated data sets: they appear whole or not at all."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from vsebench.files import appearing, guarded
from vsebench.plugin import DataError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
            _check_space(folder, needed)
            fill(unfinished)
    except WriteError:
        if not folder.is_dir():  # else another process was faster, with the same content
            raise


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DataError(
            f"the generated set needs {needed / 1e9:.1f} GB in {folder.parent}, which has "
            f"{free / 1e9:.1f} GB free: "
            "ask for less, or set VSEBENCH_CACHE to a folder with more space"
        )
