"""What every kind of feature file offers: shapes and values of images by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.splits import Split

    Report = Callable[[str, int, int], None]
    """Told what is done, how many images of it, and of how many."""

FEATURE_KEYS = ("features", "x", "feat", "arr_0")
"""Names under which files that hold several arrays keep an image's features."""


class FeatureSource(Protocol):
    """Local features of images. A key stands for one image; only what is asked for is read.

    Attributes:
        kind: one word for messages and the manifest.
        files: all files that are read, in a fixed order.
    """

    @property
    def kind(self) -> str: ...
    @property
    def files(self) -> Sequence[Path]: ...

    def keys(self, splits: Sequence[Split]) -> Mapping[str, Sequence[str]]:
        """The key of each image of each split.

        Raises:
            DataError: an image is missing, or the numbers of images and rows do not agree.
        """
        ...

    def shape(self, key: str) -> tuple[int, int]:
        """(local features, width) of an image, read from headers alone."""
        ...

    def read(self, key: str) -> np.ndarray:
        """The features of an image, floats of that shape.

        Raises:
            DataError: the file is truncated or damaged.
        """
        ...

    def where(self, key: str) -> str:
        """The file of an image, and its place there, for messages."""
        ...


@dataclass(frozen=True, eq=False)
class SplitFeatures:
    """The images of one split in a source.

    Attributes:
        source: where they are.
        keys: keys, one per image.
        lengths: int64 [n], local features of each image.
        width: width of a feature.
    """

    source: FeatureSource
    keys: Sequence[str]
    lengths: np.ndarray
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array that is written: as many local features as the image with most has."""
        return len(self.keys), int(self.lengths.max()), self.width

    @property
    def ragged(self) -> bool:
        """Whether images differ in their number of local features."""
        return bool((self.lengths != self.lengths[0]).any())


def measure(
    source: FeatureSource, splits: Sequence[Split], report: Report
) -> dict[str, SplitFeatures]:
    """Finds every image and reads its shape.

    Raises:
        DataError: an image is missing, empty, or of another width than the first.
    """
    keys = source.keys(splits)
    total, done, width = sum(map(len, keys.values())), 0, 0
    measured = {}
    for stem, names in keys.items():
        lengths = np.empty(len(names), np.int64)
        for i, key in enumerate(names):
            lengths[i], found = source.shape(key)
            width = width or found
            if found != width or 0 in (lengths[i], found):
                raise DataError(
                    f"{source.where(key)} holds {lengths[i]} features of width {found}, expected "
                    f"at least one of width {width}, as the first image has"
                )
            done += 1
            report("sizes", done, total)
        measured[stem] = SplitFeatures(source, names, lengths, width)
    return measured
