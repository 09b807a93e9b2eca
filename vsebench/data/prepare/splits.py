"""The images of a data set in the order of its table, whatever their captions were read from, and
how each is found among names that somebody chose: file names, COCO ids, or numbers in the JSON.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

CAPTIONS = 5
"""Captions kept of each image, the first ones."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image.

    Attributes:
        id: what `{split}_ids.txt` and `id_mapping.json` call it: its COCO id, else its number in
            the JSON.
        path: path of its file, relative to the folder of images; empty when unknown.
        captions: the first five.
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
        """All captions, five for each image."""
        return [caption for image in self.images for caption in image.captions]


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
    """The name of every image of every split, by the first scheme that finds them all.

    Args:
        splits: the images wanted.
        names: what is there; more than is wanted is welcome.
        where: the file or folder, for messages.

    Raises:
        DataError: no scheme finds every image; the message is about the one that finds most.
    """
    images = [image for split in splits for image in split.images]
    missing = {
        scheme: [image for image in images if name(image) not in names]
        for scheme, name in SCHEMES.items()
    }
    best = min(missing, key=lambda scheme: len(missing[scheme]))
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
    return {split.stem: [SCHEMES[best](image) for image in split.images] for split in splits}
