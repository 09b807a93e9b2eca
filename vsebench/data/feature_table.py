"""A feature table: features made from raw images, which `vsebench data extract` writes and data
sets open.

A folder of `features.npy` float16 [images, local features, width], `images.txt` with the name of
each row's image, and `table.json`, which says what it was made with. It is written batch by batch
so that it is whole or absent, and so that a killed writer resumes to the same bytes: what is
written lies in a hidden folder beside the table's place, which takes that place by a rename when
the last row is there.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.data.cache import read_note
from vsebench.data.reading import npy_header, open_npy, read_lines
from vsebench.files import guarded, locked, move, settle, sweep, write_text
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

FEATURES, NAMES, ABOUT = "features.npy", "images.txt", "table.json"


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """An opened table.

    Attributes:
        path: its folder.
        features: float [images, local features, width], a memory map.
        names: names of the images.
    """

    path: Path
    features: np.ndarray
    names: tuple[str, ...]


def table_files(path: Path) -> list[Path]:
    """The files that define a table's content."""
    return [path / FEATURES, path / NAMES]


def open_table(path: Path) -> FeatureTable:
    """Opens a table; nothing but its names is read.

    Raises:
        DataError: it is not there, unfinished or inconsistent.
    """
    if not path.is_dir():
        raise MissingError(
            f"feature table {path} does not exist: expected the folder that 'vsebench data "
            "extract --out' has written"
        )
    features, names = open_npy(path / FEATURES, ndim=3), tuple(read_lines(path / NAMES))
    if len(names) != len(features):
        raise DataError(
            f"{path / FEATURES} has {len(features)} rows, expected {len(names)}: one for each "
            f"line of {NAMES}"
        )
    return FeatureTable(path, features, names)


class FeatureTableWriter:
    """An unfinished table, open for its next rows; `writing` makes it.

    Attributes:
        done: rows that are on disk for certain, a multiple of the batch unless all are.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, int, int], batch: int) -> None:
        self._file = file
        self._shape = shape
        header = npy_header(shape, np.dtype(np.float16))
        row = math.prod(shape[1:]) * 2
        size = file.seek(0, os.SEEK_END)
        whole = max(0, size - len(header)) // row // batch
        # of a writer that was killed, the last batch may be on disk in part only, whatever the
        # file's size says
        self.done = max(0, whole - 1) * batch
        file.truncate(len(header) + self.done * row if self.done else 0)
        file.seek(0, os.SEEK_END)
        if not self.done:
            file.write(header)

    def append(self, features: np.ndarray) -> None:
        """Adds the rows float16 [b, N, width] of a batch, and hands them to the disk."""
        if features.dtype != np.float16 or features.shape[1:] != self._shape[1:]:
            raise ValueError(
                f"rows are {features.dtype} {features.shape}, the table is float16 {self._shape}"
            )
        self._file.write(np.ascontiguousarray(features).data)
        settle(self._file)
        self.done += len(features)


@contextmanager
def writing(
    path: Path,
    names: Sequence[str],
    shape: tuple[int, int, int],
    about: Mapping[str, Any],
    batch: int,
) -> Iterator[FeatureTableWriter]:
    """Makes the table `path` of what the block appends, or resumes it; the table appears when
    the block ends with all rows there.

    Args:
        path: path of the table, a folder that does not exist.
        names: names of the images.
        shape: images, local features, width.
        about: what decides the table's content, as JSON can hold it; work with something else is
            not resumed.
        batch: rows of an `append`, the last one excepted.

    Raises:
        DataError: there is unfinished work on another table.
        VsebenchError: another process writes this table.
        WriteError: the disk is full or the folder cannot be written.
    """
    work = path.with_name(f".{path.name}.unfinished")
    with guarded(path, choose="another --out", resumes=True):
        work.parent.mkdir(parents=True, exist_ok=True)
        with locked(
            path.with_name(f".{path.name}.lock"),
            f"{path} is being written by another process: wait for it, or choose another --out",
        ):
            work.mkdir(exist_ok=True)
            sweep(work)
            # Opened without truncation: unfinished work is resumed
            descriptor = os.open(work / FEATURES, os.O_RDWR | os.O_CREAT, 0o666)
            with os.fdopen(descriptor, "r+b") as file:
                _claim(work, names, about)
                writer = FeatureTableWriter(file, shape, batch)
                yield writer
                if writer.done != shape[0]:
                    raise ValueError(f"{writer.done} of {shape[0]} rows were written")
            move(work, path)


def read_about(path: Path) -> dict[str, Any] | None:
    """What a table says of itself; None where there is no table."""
    return read_note(path / ABOUT)


def _claim(work: Path, names: Sequence[str], about: Mapping[str, Any]) -> None:
    """Writes down what the unfinished table will be, or makes sure that it is the same."""
    known = read_about(work)
    if known is not None and known != about:
        changed = ", ".join(
            sorted(key for key in {*known, *about} if known.get(key) != about.get(key))
        )
        raise DataError(
            f"{work} is an unfinished table of something else (it differs in {changed}): delete "
            "it, or choose another --out"
        )
    if known is None:
        write_text(work / NAMES, "".join(f"{name}\n" for name in names))
        write_text(work / ABOUT, json.dumps(about, indent=1) + "\n")
