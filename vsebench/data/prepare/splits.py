"""The images of a data set in the order of its table, whatever their captions were read from."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

CAPTIONS = 5
"""Captions kept of each image, the first ones."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image.

    Attributes:
        id: what `{split}_ids.txt` and `id_mapping.json` call it: its COCO id, else its number in
            the JSON.
        path: of its file, relative to the folder of images; empty when unknown.
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
