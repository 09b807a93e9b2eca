"""Content hash and finiteness of data files, in one pass, remembered in the user's cache."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from vsebench.data.cache import digest, known_of
from vsebench.data.reading import NpyHeader, read_header
from vsebench.files import open_regular
from vsebench.plugin import DataError
from vsebench.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vsebench.plugin import Scalar

BLOCK = 1 << 22
"""Bytes read at a time; a multiple of every item size."""


@dataclass(frozen=True)
class FileScan:
    """What one pass over a file found.

    Attributes:
        sha256: hexadecimal, of the whole file.
        bad_row: first row of a `.npy` file of floats with a value that is not finite.
    """

    sha256: str
    bad_row: int | None


def fingerprint_files(
    root: Path, files: Sequence[Path], images: Mapping[str, str] = MappingProxyType({})
) -> str:
    """16 hexadecimal digits that identify the content of `files` and their names under `root`, or
    alone where they lie elsewhere.

    Args:
        root: the data set's folder.
        files: files that define the data.
        images: the hash of each split's raw images, where it has them.

    Raises:
        DataError: a file cannot be read, or holds values that are not finite.
    """
    parts = []
    for file in sorted(files):
        found = scan(file)
        if found.bad_row is not None:
            raise DataError(
                f"{file} has a value that is not finite (NaN or infinity), first in row "
                f"{found.bad_row}: compute these features again"
            )
        name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        parts.append((name, found.sha256))
    return digest([*parts, *sorted(images.items())])[:16]


def fingerprint_options(name: str, params: Mapping[str, Scalar], version: str) -> str:
    """16 hexadecimal digits that identify a generated set by its options and the version of its
    generator.
    """
    return digest([name, sorted(params.items()), version])[:16]


def scan(path: Path) -> FileScan:
    """Hashes a file and looks for values that are not finite; remembers both by absolute path, size
    and time of change.

    Raises:
        DataError: the file cannot be read, or is a damaged `.npy` file.
    """

    def find() -> dict[str, Any]:
        header = read_header(path) if path.suffix == ".npy" else None
        with open_regular(path) as file:
            return asdict(_scan(file, header))

    with readable(path):
        known = known_of(path, "scans", find)
    return FileScan(known["sha256"], known["bad_row"])


def _scan(file: BinaryIO, header: NpyHeader | None) -> FileScan:
    content = hashlib.sha256()
    bad: int | None = None
    if header is not None:
        content.update(file.read(header.offset))
        if header.dtype.kind == "f":
            row = math.prod(header.shape[1:])
            position = 0
            for block in _blocks(file):
                content.update(block)
                values = np.frombuffer(
                    block, header.dtype, count=len(block) // header.dtype.itemsize
                )
                if bad is None and not (finite := np.isfinite(values)).all():
                    bad = (position + int(finite.argmin())) // row
                position += len(values)
    for block in _blocks(file):
        content.update(block)
    return FileScan(content.hexdigest(), bad)


def _blocks(file: BinaryIO) -> Iterable[bytes]:
    while block := file.read(BLOCK):
        yield block
