"""Pairs of images and labels from text files, in the format of the VSE-ens authors: `image label
value`, one pair a line.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import aligned, hold_one_out, leave_one_out
from vsebench.plugin import AnnotationData, DataError, Key, MissingError, Positives

if TYPE_CHECKING:
    from pathlib import Path

ALL, TRAIN, TEST = "interactions.txt", "train.txt", "test.txt"


class Interactions:
    """One file of all pairs, whose test labels are held out here, or two, with the test labels that
    somebody else held out.

    Ids may be any text without spaces; images and labels are numbered in the order in which they
    first occur. A pair is relevant when its value is above zero; what occurs only in other pairs is
    not known at all.

    Args:
        seed: seed of the labels that are held out: for dev and, of a single file, for test.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def files(self, root: Path) -> list[Path]:
        split = [root / TRAIN, root / TEST]
        whole = root / ALL
        found = [file.is_file() for file in split]
        if not any(found):
            return [whole]
        return [whole, *split] if whole.is_file() else split

    def load(self, root: Path) -> AnnotationData:
        files = self.files(root)
        if len(files) == 3:
            raise DataError(
                f"{root} has both {ALL} and {TRAIN} or {TEST}: keep the one file or the two"
            )
        tables = [PairTable() for _ in files]
        images: dict[bytes, int] = {}
        labels: dict[bytes, int] = {}
        for file, table in zip(files, tables, strict=True):
            table.read(file, images, labels)
        names = _names(labels, files[-1])
        parts = [table.positives(len(images), len(labels)) for table in tables]
        if len(parts) == 1:
            return leave_one_out(parts[0], self.seed, names)
        return self._published_split(parts[0], parts[1], names)

    def _published_split(
        self, train: Positives, test: Positives, names: list[str]
    ) -> AnnotationData:
        again = train.contains(test.images(), test.labels)
        warnings: tuple[str, ...] = ()
        if again.any():
            warnings = (
                f"{int(again.sum())} pairs of {TEST} are in {TRAIN} too, and left out of test",
            )
            test = Positives.from_pairs(
                test.images()[~again], test.labels[~again], len(test), test.n_labels
            )
        uniform = Key("hold-out", self.seed).generator().random((len(train), 2))
        train, dev = hold_one_out(train, uniform[:, 1])
        return aligned(train, dev, test, names, warnings)


@dataclass
class PairTable:
    """The relevant pairs of one file, by the numbers of their images and labels."""

    images: array[int] = field(default_factory=lambda: array("q"))
    labels: array[int] = field(default_factory=lambda: array("q"))

    def read(self, path: Path, images: dict[bytes, int], labels: dict[bytes, int]) -> None:
        """Reads a file line by line; new ids are added to `images` and `labels`.

        Raises:
            DataError: it is missing, a line is not two ids and a finite number, or no pair is
                relevant.
        """
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    self._add(path, number, line, images, labels)
        except FileNotFoundError:
            raise MissingError(f"{path} is missing") from None
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        if not self.images:
            raise DataError(
                f"{path} has no relevant pair: expected lines 'image label value' with values "
                "above 0"
            )

    def _add(
        self,
        path: Path,
        number: int,
        line: bytes,
        images: dict[bytes, int],
        labels: dict[bytes, int],
    ) -> None:
        fields = line.split()
        if not fields:
            return
        try:
            image, label, text = fields
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            shown = line[:60].decode("utf-8", "replace").strip()
            raise DataError(
                f"{path}, line {number}, is '{shown}', expected 'image label value': two ids and "
                "a number, separated by spaces"
            )
        if value > 0:
            self.images.append(images.setdefault(image, len(images)))
            self.labels.append(labels.setdefault(label, len(labels)))

    def positives(self, n_images: int, n_labels: int) -> Positives:
        """The pairs in rows; those that occur again count once."""
        return Positives.from_pairs(
            np.frombuffer(self.images, np.int64),
            np.frombuffer(self.labels, np.int64),
            n_images,
            n_labels,
        )


def _names(labels: dict[bytes, int], path: Path) -> list[str]:
    try:
        return [label.decode("utf-8") for label in labels]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.parent}: the label id {error.object!r} is not UTF-8: convert the files with "
            "iconv"
        ) from None
