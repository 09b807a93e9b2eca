"""The images that are prepared, in the order of the feature table, whatever their captions were
read from; how each is found among names that somebody chose (file names, COCO ids, or numbers in
the JSON); and what every kind of feature file offers of them: shapes and values by key.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    Report = Callable[[str, int, int], None]
    """Told what is done, how many images of it, and of how many."""

FEATURE_KEYS = ("features", "x", "feat", "arr_0", "bbox_features")
"""Names under which files that hold several arrays keep an image's features."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image.

    Attributes:
        id: what `{split}_ids.txt` and `id_mapping.json` call it: its COCO id, else its number in
            the JSON.
        path: path of its file, relative to the folder of images; empty when unknown.
        captions: those that are kept.
        number: its number in the JSON; empty when there is none.
    """

    id: str
    path: str
    captions: tuple[str, ...]
    number: str = ""

    @property
    def filename(self) -> str:
        """Its file name without folders."""
        return posixpath.basename(self.path)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.filename or f"image {self.id}"


@dataclass(frozen=True, slots=True)
class Split:
    """The images of one output split: `stem` is `train`, `dev`, `test` or `testall`."""

    stem: str
    images: list[Image]

    @property
    def captions(self) -> list[str]:
        """All captions, those of each image in succession."""
        return [caption for image in self.images for caption in image.captions]

    @property
    def owners(self) -> np.ndarray:
        """int64, the image of each caption."""
        return np.repeat(np.arange(len(self.images)), [len(i.captions) for i in self.images])


def _stem(image: Image) -> str:
    return image.filename.rpartition(".")[0]


SCHEMES: dict[str, Callable[[Image], str]] = {
    "path": lambda image: image.path,
    "file name": lambda image: image.filename,
    "file name without its ending": _stem,
    "id": lambda image: image.id,
    "id in 12 digits": lambda image: image.id.zfill(12),
    "number in the JSON": lambda image: image.number,
}
"""How names may be derived from an image, the most telling first: a number can be another image's
id.
"""


def match(splits: Sequence[Split], names: Collection[str], where: object) -> dict[str, list[str]]:
    """The name of every image of every split, by the first scheme that finds them all, preferably
    each under a name of its own.

    Args:
        splits: the images wanted.
        names: what is there; more than is wanted is welcome.
        where: the file or folder, for messages.

    Raises:
        DataError: no scheme finds every image; the message is about the one that finds most. Or
            two images have one name.
    """
    images = [image for split in splits for image in split.images]
    missing = {
        scheme: [image for image in images if name(image) not in names]
        for scheme, name in SCHEMES.items()
    }
    best = min(missing, key=lambda scheme: (len(missing[scheme]), bool(_twins(images, scheme))))
    if absent := missing[best]:
        found = len(images) - len(absent)
        example = next(iter(names), None)
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise DataError(
            f"{where} lacks {absent[0].label}{more}: {found} of {len(images)} images were found "
            f"by their {best} among {len(names)} "
            f"names{f' (such as {example})' if example is not None else ''}; expected all, by "
            "file name, id or number in the JSON"
        )
    if twins := _twins(images, best):
        one, other = twins
        raise DataError(
            f"{where}: {one.path or one.label} and {other.path or other.label} have the same "
            f"{best}: expected a name of its own for every image, such as its id"
        )
    return {split.stem: [SCHEMES[best](image) for image in split.images] for split in splits}


def _twins(images: Sequence[Image], scheme: str) -> tuple[Image, Image] | None:
    """Two images of one name; None where every image has its own."""
    seen: dict[str, Image] = {}
    for image in images:
        if (other := seen.setdefault(SCHEMES[scheme](image), image)) is not image:
            return other, image
    return None


class FeatureSource(Protocol):
    """Local features of images. A key stands for one image; only what is asked for is read.

    Attributes:
        kind: one word for messages and the manifest.
        files: all files that are read, in a fixed order.
        notes: what a reader of the result must know, one sentence each.
    """

    @property
    def kind(self) -> str: ...
    @property
    def files(self) -> Sequence[Path]: ...
    @property
    def notes(self) -> Sequence[str]: ...

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
