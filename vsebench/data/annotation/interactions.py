"""Pairs of images and labels from text files, in the format of the VSE-ens authors: `image label
value`, one pair a line.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import aligned, hold_one_out, leave_one_out
from vsebench.plugin import AnnotationData, DataError, Key, Positives
from vsebench.text import stream_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL, TRAIN, TEST = "interactions.txt", "train.txt", "test.txt"

_FIELDS = 3
_FOR_ALL = 3
"""Labels of an image that gives one to each split."""


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
        tables = [PairTable(file) for file in files]
        images: dict[bytes, int] = {}
        labels: dict[bytes, int] = {}
        for table in tables:
            table.read(images, labels)
        names = [label.decode() for label in labels]
        if len(names) == 1:
            raise DataError(
                f"{files[0]} knows the label '{names[0]}' only: expected two or more, since labels "
                "are ranked against each other"
            )
        parts = [table.positives(len(images), len(labels)) for table in tables]
        said = [
            warning
            for table, part in zip(tables, parts, strict=True)
            for warning in table.warnings(part, images, labels)
        ]
        if len(parts) == 1:
            data = leave_one_out(parts[0], self.seed, names)
            _check_held_out(files[0], data)
        else:
            data = self._published_split(parts[0], parts[1], names, root)
        return replace(data, warnings=(*data.warnings, *said))

    def _published_split(
        self, train: Positives, test: Positives, names: list[str], root: Path
    ) -> AnnotationData:
        again = train.contains(test.images(), test.labels)
        warnings: tuple[str, ...] = ()
        if again.all():
            raise DataError(
                f"{root / TEST} has no pair that {TRAIN} has not: expected the labels that were "
                "held out of training"
            )
        if again.any():
            warnings = (
                f"{int(again.sum())} pairs of {TEST} are in {TRAIN} too, and left out of test",
            )
            test = Positives.from_pairs(
                test.images()[~again], test.labels[~again], len(test), test.n_labels
            )
        uniform = Key("hold-out", self.seed).generator().random((len(train), 2))
        train, dev = hold_one_out(train, uniform[:, 1])
        if not dev.n_pairs:
            raise DataError(
                f"{root / TRAIN} has no image with two labels, so that none can be held out as "
                "dev: bring images with two labels or more"
            )
        return aligned(train, dev, test, names, warnings)


def _check_held_out(path: Path, data: AnnotationData) -> None:
    """Checks that labels were held out.

    Raises:
        DataError: no image has enough labels.
    """
    counts = np.sum([split.positives.counts for split in data.splits.values()], axis=0)
    most = int(counts.max())
    if most < _FOR_ALL:
        raise DataError(
            f"{path} has no image with more than {most} label{'s' * (most > 1)}, too few for a "
            "leave-one-out split, which takes one for test, one for dev and one or more for "
            f"training: bring pairs of images with {_FOR_ALL} labels or more, or test labels of "
            f"your own as {TRAIN} and {TEST}"
        )


@dataclass
class PairTable:
    """The relevant pairs of one file, by the numbers of their images and labels.

    Attributes:
        path: the file.
        images: the image of each pair, as often as the file has it.
        labels: the label of each pair.
        others: a hash of each pair that is not relevant.
        negative: number of those whose value is below 0.
    """

    path: Path
    images: array[int] = field(default_factory=lambda: array("q"))
    labels: array[int] = field(default_factory=lambda: array("q"))
    others: array[int] = field(default_factory=lambda: array("q"))
    negative: int = 0

    def read(self, images: dict[bytes, int], labels: dict[bytes, int]) -> None:
        """Reads the file line by line; new ids are added to `images` and `labels`.

        Raises:
            DataError: it is missing, a line is not two ids and a finite number, or no pair is
                relevant.
        """
        for number, line in enumerate(stream_lines(self.path), start=1):
            self._add(number, line, images, labels)
        if not self.images:
            raise DataError(
                f"{self.path} has no relevant pair: expected lines 'image label value' with values "
                "above 0"
            )

    def _add(
        self, number: int, line: bytes, images: dict[bytes, int], labels: dict[bytes, int]
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
            raise DataError(_no_pair(self.path, number, line))
        if value > 0:
            self.images.append(images.setdefault(image, len(images)))
            self.labels.append(labels.setdefault(label, len(labels)))
        else:
            self.others.append(hash((image, label)))
            self.negative += value < 0

    def positives(self, n_images: int, n_labels: int) -> Positives:
        """The pairs in rows; those that occur again count once."""
        return Positives.from_pairs(
            np.frombuffer(self.images, np.int64),
            np.frombuffer(self.labels, np.int64),
            n_images,
            n_labels,
        )

    def warnings(
        self, positives: Positives, images: dict[bytes, int], labels: dict[bytes, int]
    ) -> Iterator[str]:
        """What was read in one of several ways in which it might be meant.

        Args:
            positives: the pairs in rows.
            images: ids of images, in the order of their numbers.
            labels: ids of labels, likewise.
        """
        name = self.path.name
        if self.negative:
            yield (
                f"{self.negative:,} values of {name} are below 0, and not relevant, as those of 0"
            )
        if repeated := len(self.images) - positives.n_pairs:
            yield f"{repeated:,} lines of {name} repeat a pair, which counts once"
        if self.others and (both := self._contradicted(positives, images, labels)):
            yield (
                f"{both:,} pairs of {name} have a value above 0 and another that is not, and are "
                "relevant"
            )

    def _contradicted(
        self, positives: Positives, images: dict[bytes, int], labels: dict[bytes, int]
    ) -> int:
        by_number = list(images), list(labels)
        relevant = np.fromiter(
            (
                hash((by_number[0][image], by_number[1][label]))
                for image, label in zip(positives.images(), positives.labels, strict=True)
            ),
            np.int64,
            positives.n_pairs,
        )
        return int(np.isin(relevant, np.frombuffer(self.others, np.int64)).sum())


def _no_pair(path: Path, number: int, line: bytes) -> str:
    """What is wrong with a line that is no pair."""
    text = line.decode().strip()
    begin = f"{path}, line {number}, is '{text[:60]}', expected 'image label value': two ids and a "
    begin += "number, separated by spaces"
    mark = next((mark for mark in ",;|" if text.count(mark) == 2), None)
    if len(text.split()) < _FIELDS and mark is not None:
        return f"{begin}, not by '{mark}': tr '{mark}' ' ' < {path.name} > NEW"
    if number == 1 and len(text.split()) == _FIELDS:
        return f"{begin}; it looks like a header: delete the line"
    return begin
