"""Embeddings in a `.npy` file [n, D] that anything reads, and beside it `NAME.npy.json`: which
model made them, the SHA-256 of the file, and the names of its rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.data.cache import read_note
from vsebench.data.fingerprint import scan
from vsebench.data.reading import open_npy, read_lines
from vsebench.files import replacing, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """Embeddings as a file holds them.

    Attributes:
        rows: float [n, D], a memory map.
        names: names of the rows; empty where nothing says them.
        run_id: run of the model that made them; empty where nothing says it.
    """

    rows: np.ndarray
    names: Sequence[str]
    run_id: str


def note_path(path: Path) -> Path:
    """What lies beside a file of embeddings."""
    return path.with_name(f"{path.name}.json")


def write_embeddings(
    path: Path, rows: np.ndarray, names: Sequence[str], about: dict[str, Any]
) -> None:
    """Writes embeddings, and what they are beside them; each file all or nothing.

    Args:
        path: the `.npy` file.
        rows: float32 [n, D].
        names: names of the rows; may be empty.
        about: what made them, as JSON can hold it.

    Raises:
        WriteError: a file cannot be written.
    """
    with replacing(path) as file:
        np.save(file, rows)
    note = {
        "format": _FORMAT,
        "shape": list(rows.shape),
        "sha256": scan(path).sha256,
        **about,
        "names": list(names),
    }
    write_text(note_path(path), json.dumps(note, indent=1, ensure_ascii=False) + "\n")


def read_embeddings(path: Path, names: Path | None = None) -> EmbeddingFile:
    """Opens embeddings; those without a note are taken as they are.

    Args:
        path: the `.npy` file.
        names: file with a name for each row, one a line, instead of those in the note.

    Raises:
        DataError: the file is not floats [n, D], is not the one that the note is about, or has
            other rows than there are names.
    """
    rows = open_npy(path, ndim=2)
    note = _note(note_path(path))
    if note and note.get("sha256") != scan(path).sha256:
        raise DataError(
            f"{path} is not the file that {note_path(path).name} is about: embed again, or delete "
            "the note"
        )
    found = read_lines(names) if names is not None else note.get("names", [])
    if found and len(found) != len(rows):
        raise DataError(
            f"{names or note_path(path)} has {len(found):,} names, {path} {len(rows):,} rows: "
            "expected one for each"
        )
    return EmbeddingFile(rows, found, str(note.get("run_id", "")))


def _note(path: Path) -> dict[str, Any]:
    """The note, empty where there is none."""
    if not path.exists():
        return {}
    note = read_note(path)
    names = None if note is None else note.get("names", [])
    if note is None or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise DataError(f"{path} is damaged: embed again, or delete it")
    return note
