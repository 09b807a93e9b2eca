"""Checks that hold for every image–caption set, whatever it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.soundness import SPLITS, check_splits, check_widths, first
from vsebench.data.vocabulary import has_word
from vsebench.plugin import DataError, ImageSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import RetrievalData, RetrievalSplit


def check_data(name: str, data: RetrievalData) -> None:
    """Checks that a set has its three splits and that each is sound.

    Raises:
        DataError: what is wrong with which split.
    """
    check_splits(name, data.splits, check_split)
    raw = {split for split in SPLITS if isinstance(data.splits[split].features, ImageSource)}
    if raw and len(raw) < len(SPLITS):
        raise DataError(
            f"data set '{name}' has raw images in {', '.join(sorted(raw))} only: every split must "
            "have them, or features"
        )
    widths = {
        split: f.shape[2]
        for split in SPLITS
        if not isinstance(f := data.splits[split].features, ImageSource)
    }
    check_widths(name, widths)


def check_split(split: RetrievalSplit) -> None:
    """Checks one split.

    Raises:
        DataError: shapes, lengths, the caption map or the captions are inconsistent.
    """
    lengths, owners = split.lengths, split.text_to_image
    shape = (
        (len(split.features), 1, 3)
        if isinstance(split.features, ImageSource)
        else split.features.shape
    )
    if len(shape) != 3 or 0 in shape:
        raise DataError(f"features have shape {shape}, expected [images, local features, width]")
    images, size = shape[:2]
    if lengths.shape != (images,) or owners.shape != (len(split.captions),):
        raise DataError(
            f"{images} images have {len(lengths)} lengths, and {len(split.captions)} captions "
            f"have {len(owners)} images in text_to_image: expected one each"
        )
    for what, values in (("lengths", lengths), ("text_to_image", owners)):
        if values.dtype != np.int64:
            raise DataError(f"{what} are {values.dtype}, expected int64")
    if (bad := first((lengths < 1) | (lengths > size))) is not None:
        raise DataError(f"image {bad} has length {lengths[bad]}, expected 1 to {size}")
    if (bad := first((owners < 0) | (owners >= images))) is not None:
        raise DataError(f"caption {bad} belongs to image {owners[bad]}, expected 0 to {images - 1}")
    if (bad := first(np.bincount(owners, minlength=images) == 0)) is not None:
        raise DataError(f"image {bad} has no caption")
    for number, caption in enumerate(split.captions, start=1):
        if not has_word(caption):
            raise DataError(f"caption on line {number} is empty (no word in {caption!r})")


def compare_counts(
    data: RetrievalData, published: Mapping[str, tuple[int, int]]
) -> tuple[str, ...]:
    """One sentence for each split whose numbers of images and captions are not the published
    ones.
    """
    found = {split: (len(s.lengths), len(s.captions)) for split, s in data.splits.items()}
    return tuple(
        f"{split} has {found[split][0]} images and {found[split][1]} captions, published are "
        f"{images} and {captions}"
        for split, (images, captions) in published.items()
        if split in found and found[split] != (images, captions)
    )
