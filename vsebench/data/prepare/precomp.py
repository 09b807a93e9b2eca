"""Features that are in the precomp layout already, with each image's rows once or several times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.caption_owners import CAPTIONS, image_ids, owners_by_rows
from vsebench.data.precomp import read_lengths
from vsebench.data.prepare.source import Image, Split
from vsebench.data.reading import NpyHeader, read_captions, read_header, read_lines
from vsebench.data.words import tokenise
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.karpathy import Published


@dataclass(frozen=True)
class _Table:
    """A feature table: `row` is the shape of its rows, of which every image has some `copies`;
    `lengths` are the local features of each image.
    """

    path: Path
    header: NpyHeader
    row: tuple[int, int]
    copies: int
    lengths: np.ndarray


class PrecompFeatures:
    """`{split}_ims.npy` [rows, N, width] or [rows, width] in the order of the splits.

    Where each image is stored several times, all are read and compared. Tables are read, not
    mapped, so that what was read can leave memory.
    """

    kind = "precomp"
    notes: Sequence[str] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tables: dict[str, _Table] = {}

    @property
    def files(self) -> list[Path]:
        return [table.path for table in self._tables.values()]

    def keys(self, splits: Sequence[Split]) -> Mapping[str, Sequence[str]]:
        self._tables = {split.stem: self._table(split) for split in splits}
        return {
            split.stem: [f"{split.stem}/{i}" for i in range(len(split.images))] for split in splits
        }

    def shape(self, key: str) -> tuple[int, int]:
        table, image = self._find(key)
        return int(table.lengths[image]), table.row[1]

    def read(self, key: str) -> np.ndarray:
        table, image = self._find(key)
        first, count = image * table.copies, table.copies * math.prod(table.row)
        with table.path.open("rb") as file:
            file.seek(table.header.offset + image * count * table.header.dtype.itemsize)
            values = np.fromfile(file, table.header.dtype, count).reshape(-1, *table.row)
        if table.copies > 1 and not np.array_equal(
            values, np.broadcast_to(values[:1], values.shape), equal_nan=True
        ):
            raise DataError(
                f"{table.path} has a row for each caption, but rows {first} to "
                f"{first + table.copies - 1} differ: expected each image {_times(table.copies)}"
            )
        return values[0, : table.lengths[image]]

    def where(self, key: str) -> str:
        table, image = self._find(key)
        return f"{table.path}, row {image * table.copies}"

    def _find(self, key: str) -> tuple[_Table, int]:
        stem, _, image = key.partition("/")
        return self._tables[stem], int(image)

    def _table(self, split: Split) -> _Table:
        stem, images = split.stem, len(split.images)
        path = self.root / f"{stem}_ims.npy"
        header = read_header(path)
        if len(header.shape) not in (2, 3) or header.dtype.kind != "f":
            raise DataError(
                f"{path} has shape {header.shape} of {header.dtype}, expected floats [rows, local "
                "features, width], or [rows, width]"
            )
        counts = {len(image.captions) for image in split.images}
        copies = counts.pop() if len(counts) == 1 else 1
        if header.shape[0] not in (images, images * copies):
            several = f" or {images * copies} (each {_times(copies)})" if copies > 1 else ""
            raise DataError(
                f"{path} has {header.shape[0]} rows, expected {images} (the images of "
                f"'{stem}'){several}"
            )
        row = (header.shape[1] if len(header.shape) == 3 else 1, header.shape[-1])
        lengths = read_lengths(path.with_name(f"{stem}_lengths.npy"), images, row[0])
        return _Table(path, header, row, header.shape[0] // images, lengths)


def _times(copies: int) -> str:
    return "five times" if copies == CAPTIONS else f"{copies} times"


def read_splits(root: Path, entry: Published) -> list[Split]:
    """The splits as `{split}_caps.txt` has them, with the ids of `{split}_ids.txt` where it exists.

    Raises:
        DataError: a file is missing, has an empty caption, or numbers do not agree.
    """
    return [Split(stem, _images(root, stem, entry.captions)) for stem in entry.outputs]


def _images(root: Path, stem: str, wanted: int | None) -> list[Image]:
    path = root / f"{stem}_caps.txt"
    captions = read_captions(path)
    rows = read_header(root / f"{stem}_ims.npy").shape[0]
    owners = owners_by_rows(root, stem, len(captions), rows)
    counts = np.bincount(owners.text_to_image)
    if wanted is not None and (counts != wanted).any():
        raise DataError(
            f"{path} has {len(captions)} captions for {owners.images} images, expected {wanted} "
            "consecutive lines for each; a set with other numbers is prepared under a name of its "
            "own, with --as NAME"
        )
    beside = root / f"{stem}_ids.txt"
    ids = image_ids(beside, owners, read_lines(beside)) if beside.is_file() else None
    own: list[list[str]] = [[] for _ in range(owners.images)]
    for image, caption in zip(owners.text_to_image.tolist(), captions, strict=True):
        own[image].append(caption)
    names = ids or [""] * owners.images
    return [Image(name, "", tuple(texts)) for name, texts in zip(names, own, strict=True)]


def reconcile(splits: Sequence[Split], root: Path) -> list[Split]:
    """The splits of the JSON as far as the caption files beside the tables go.

    The published COCO tables have the first 1,000 of 5,000 dev images. Captions are compared by
    their words: the order of the tables is that of the caption files, and if the JSON has another,
    features would go to wrong images.

    Raises:
        DataError: a caption is not the JSON's, or there are more.
    """
    return [_reconciled(split, root / f"{split.stem}_caps.txt") for split in splits]


def _reconciled(split: Split, path: Path) -> Split:
    if not path.is_file():
        return split
    lines = read_captions(path)
    if other := first_other(lines, split.captions):
        number, expected = other
        raise DataError(
            f"{path}, line {number}, is {lines[number - 1][:60]!r}, expected "
            f"{(expected or 'no more')[:60]!r} as the JSON has it: the table is in another order; "
            "leave the JSON out, and the caption files are taken as they are"
        )
    images = int(split.owners[len(lines) - 1]) + 1 if lines else 0
    part = Split(split.stem, split.images[:images])
    if len(part.captions) != len(lines):
        raise DataError(
            f"{path} has {len(lines)} captions, expected {len(part.captions)}: all of the last "
            "image, as the JSON has them"
        )
    return part


def first_other(lines: Sequence[str], captions: Sequence[str]) -> tuple[int, str] | None:
    """The number, from 1, of the first line that has other words than the caption in its place, and
    that caption, empty where there are no more; None where all are the same.
    """
    for number, (line, caption) in enumerate(zip_longest(lines, captions, fillvalue=""), start=1):
        if number <= len(lines) and tokenise(line) != tokenise(caption):
            return number, caption
    return None
