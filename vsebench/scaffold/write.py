"""Writes a new plugin's folder: all of it, or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping


def write(files: Mapping[str, str], folder: Path) -> None:
    """Writes files into a new folder, which appears when all are written.

    Args:
        files: text by path inside the folder.
        folder: must not exist; the folder that it is in must.

    Raises:
        SpecError: something of that name exists, or it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise SpecError(
            f"'{folder}' exists already: choose another name, or move it out of the way"
        )
    try:
        with tempfile.TemporaryDirectory(prefix=".vsebench-new-", dir=folder.parent) as place:
            made = Path(place) / folder.name
            for path, text in files.items():
                file = made / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            made.rename(folder)
    except OSError as error:
        raise SpecError(f"'{folder}' cannot be written: {error.strerror or error}") from error
