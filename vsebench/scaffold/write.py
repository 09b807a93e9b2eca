"""Writes a new plugin's folder: all of it, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.files import appearing, guarded
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(files: Mapping[str, str], folder: Path) -> None:
    """Writes files into a new folder, which appears when all are written.

    Args:
        files: text by path inside the folder.
        folder: must not exist; the folder that it is in is made where needed.

    Raises:
        SpecError: something of that name exists.
        WriteError: it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise SpecError(
            f"'{folder}' exists already: choose another name, or move it out of the way"
        )
    with guarded(folder, choose="another name"), appearing(folder) as unfinished:
        for path, text in files.items():
            file = unfinished / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
