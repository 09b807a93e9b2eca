"""Whose each caption of a split in the precomp layout is: what `{split}_text_to_image.npy` says, or
equally many consecutive lines for each image, five as published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.reading import open_npy
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

OWNERS = "text_to_image.npy"
"""int [captions], the image of each caption; such a file makes any number per image possible."""

CAPTIONS = 5
"""Consecutive captions of one image in the published files."""


@dataclass(frozen=True, eq=False)
class Owners:
    """The images of the captions of a split.

    Attributes:
        text_to_image: int64 [captions], the image of each caption.
        images: number of images.
        copies: number of rows that a feature table has for each image.
        given: whether the file says it.
    """

    text_to_image: np.ndarray
    images: int
    copies: int = 1
    given: bool = False

    def first(self, images: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The captions of the first `images` images, and the image of each."""
        kept = (
            np.arange(len(self.text_to_image))
            if images is None
            else np.flatnonzero(self.text_to_image < images)
        )
        return kept, self.text_to_image[kept]


def read_owners(path: Path, captions: int) -> Owners | None:
    """What a file of owners says; None where there is none.

    Args:
        path: the file.
        captions: number of captions of the split.

    Raises:
        DataError: it has another number of entries, names no image, or leaves one without a
            caption.
    """
    if not path.is_file():
        return None
    stored = open_npy(path, ndim=1, kinds="iu")
    if len(stored) != captions:
        raise DataError(
            f"{path} has {len(stored)} entries, expected {captions}: the image of each caption"
        )
    lowest, highest = int(stored.min()), int(stored.max())
    if lowest < 0 or highest >= captions:
        raise DataError(
            f"{path} has images from {lowest} to {highest} for {captions} captions, expected "
            "numbers from 0, each with a caption at least"
        )
    owner = np.array(stored, np.int64)
    counts = np.bincount(owner)
    if not counts.all():
        raise DataError(
            f"{path} gives image {int(counts.argmin())} no caption: expected one at least for "
            f"each of {len(counts)} images"
        )
    return Owners(owner, len(counts), given=True)


def equal_shares(images: int, captions: int, copies: int = 1) -> Owners:
    """Owners of equally many consecutive captions for each image."""
    return Owners(np.repeat(np.arange(images), captions // images), images, copies)


def owners_by_rows(root: Path, stem: str, captions: int, rows: int) -> Owners:
    """Whose the captions of a feature table of so many rows are.

    Where rows are as many as captions, they must be five copies of each image's: with one caption
    an image they would be as many, too, which the file of owners says.

    Raises:
        DataError: the numbers do not agree.
    """
    table, texts, path = f"{stem}_ims.npy", f"{stem}_caps.txt", root / f"{stem}_{OWNERS}"
    if (given := read_owners(path, captions)) is not None:
        if given.images != rows:
            raise DataError(
                f"{root / table} has {rows} rows, expected {given.images}: one for each image of "
                f"{path.name}"
            )
        return given
    if captions > rows and captions % rows == 0:
        return equal_shares(rows, captions)
    if captions == rows and captions % CAPTIONS == 0:
        return equal_shares(rows // CAPTIONS, captions, copies=CAPTIONS)
    expected = (
        f"expected {captions // CAPTIONS} (each image once) or {captions} (five times)"
        if captions % CAPTIONS == 0
        else "expected a row for each image, each with equally many captions"
    )
    raise DataError(
        f"{root / table} has {rows} rows for the {captions} captions of {texts}, {expected}, or "
        f"{path.name} to say whose each caption is"
    )


def owners_by_ids(path: Path, stem: str, captions: int, ids: list[str]) -> tuple[Owners, list[str]]:
    """Whose the captions of a split without a feature table are, and the id of each image.

    Args:
        path: the file of ids, one for each image or for each caption.
        stem: beginning of the names of the split's files.
        captions: number of captions.
        ids: the lines of the file.

    Raises:
        DataError: the numbers do not agree, or an image's captions have different ids.
    """
    owners = read_owners(path.with_name(f"{stem}_{OWNERS}"), captions)
    if owners is None:
        for_images = ids and len(ids) != captions and captions % len(ids) == 0
        images = len(ids) if for_images else captions // CAPTIONS
        if images * CAPTIONS != captions and not for_images:
            raise _other_number(path, ids, images, captions)
        owners = equal_shares(images, captions)
    return owners, image_ids(path, owners, ids)


def image_ids(path: Path, owners: Owners, ids: list[str]) -> list[str]:
    """The id of each image, of ids that are listed for each image or for each caption.

    Args:
        path: the file of ids, for errors.
        owners: the images of the captions.
        ids: the lines of the file.

    Raises:
        DataError: the numbers do not agree, or an image's captions have different ids.
    """
    images, captions = owners.images, len(owners.text_to_image)
    if len(ids) == images:
        return ids
    if len(ids) != captions:
        raise _other_number(path, ids, images, captions)
    found: list[str | None] = [None] * images
    for line, (image, name) in enumerate(zip(owners.text_to_image, ids, strict=True)):
        if (found[image] or name) != name:
            lines = np.flatnonzero(owners.text_to_image == owners.text_to_image[line]) + 1
            raise DataError(
                f"{path}, lines {lines[0]} to {lines[-1]}, are not one id: expected an equal line "
                f"for each of the {len(lines)} captions of an image, or one for each image"
            )
        found[image] = name
    return [name or "" for name in found]


def _other_number(path: Path, ids: list[str], images: int, captions: int) -> DataError:
    return DataError(
        f"{path} has {len(ids)} lines, expected {images} (one for each image) or {captions} (one "
        "for each caption)"
    )
