"""Every reader of files that others write, each with a sound file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.subjects import models, prepared, runs, sets, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fuzz.reader import Reader


def readers(folder: Path) -> dict[str, Reader]:
    """All of them by name, with their files written below a folder."""
    parts = [
        runs.readers(folder),
        settings.readers(folder / "settings"),
        sets.readers(folder / "sets"),
        prepared.readers(folder / "prepared"),
        models.readers(folder / "models"),
    ]
    found = {name: reader for part in parts for name, reader in part.items()}
    assert len(found) == sum(map(len, parts))
    return found
