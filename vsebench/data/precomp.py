"""The precomputed-feature layout of VSE++, SCAN and VSE∞: `{split}_ims.npy` [rows, N, d] and `{split}_caps.txt`, five captions an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.npy import open_npy
from vsebench.data.text import read_captions
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from pathlib import Path

CAPTIONS = 5
"""Consecutive captions of one image."""

DEV_IMAGES = 1000
"""Images of dev that validation uses: the first 1,000, with their 5,000 captions, as the published code does."""


class Precomp:
    """A set in the precomp layout.

    Image rows may be stored once, or five times in succession as in the published dev and test files. Every row of an image is valid.

    Args:
        test: the files that are the test split: `test`, or `testall` for the 5,000 test images of COCO.
    """

    def __init__(self, test: str = "test") -> None:
        self._files = {"train": "train", "dev": "dev", "test": test}

    def files(self, root: Path) -> list[Path]:
        return [root / f"{stem}_{kind}" for stem in self._files.values() for kind in ("ims.npy", "caps.txt")]

    def load(self, root: Path) -> RetrievalData:
        limits = {"dev": DEV_IMAGES}
        return RetrievalData({split: _load_split(root, stem, limits.get(split)) for split, stem in self._files.items()})


def _load_split(root: Path, stem: str, limit: int | None) -> RetrievalSplit:
    captions = read_captions(root / f"{stem}_caps.txt")
    features = _images(root / f"{stem}_ims.npy", len(captions))[:limit]
    images = len(features)
    return RetrievalSplit(
        features=features,
        lengths=np.full(images, features.shape[1], np.int64),
        captions=captions[: images * CAPTIONS],
        text_to_image=np.repeat(np.arange(images), CAPTIONS),
    )


def _images(path: Path, captions: int) -> np.ndarray:
    """The memory map of `path` with one row for each image, [captions / 5, N, d]."""
    rows = open_npy(path, ndim=3)
    name = path.name.replace("_ims.npy", "_caps.txt")
    if captions % CAPTIONS or captions == 0:
        raise DataError(f"{path.with_name(name)} has {captions} captions, expected a multiple of {CAPTIONS}: five consecutive lines for each image")
    images = captions // CAPTIONS
    if len(rows) == images:
        return rows
    if len(rows) != captions:
        raise DataError(f"{path} has {len(rows)} rows for the {captions} captions of {name}, expected {images} (each image once) or {captions} (five times)")
    for image in (0, images // 2, images - 1):
        _check_copies(path, rows, image * CAPTIONS)
    return rows[::CAPTIONS]


def _check_copies(path: Path, rows: np.ndarray, first: int) -> None:
    """Makes sure that a table with as many rows as captions does hold each image five times."""
    copies = rows[first : first + CAPTIONS]
    if not np.array_equal(copies, np.broadcast_to(copies[:1], copies.shape), equal_nan=True):
        last = first + CAPTIONS - 1
        raise DataError(f"{path} has a row for each caption, but rows {first} to {last} differ: expected each image five times in succession, or once")
