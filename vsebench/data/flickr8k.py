"""Flickr8k from its standard text files, and a feature table of quantised grid cells, raw images or
features extracted from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_arrays import QuantisedFeatures, select_rows
from vsebench.data.reading import check_caption, open_npy, read_keyed, read_lines, read_splits
from vsebench.data.visual import Visual
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vsebench.plugin import FeatureArray

TOKENS = "Flickr8k.token.txt"
SPLITS = {split: f"Flickr_8k.{split}Images.txt" for split in ("train", "dev", "test")}
FEATURES, SCALE, NAMES = "grid7x7_pca256_int8.npy", "grid7x7_pca256_scale.npy", "grid7x7_images.txt"
CAPTIONS, DIM = 5, 256


class Flickr8k:
    """Flickr8k with a 7 × 7 grid of features per image, unless the options name raw images or
    another table.

    Args:
        dim: principal components kept of that grid, the first ones; a narrower view of the same
            memory map.
        images: raw images instead, a folder or an uncompressed tar.
        features: features extracted from raw images instead, a feature table.
    """

    def __init__(self, dim: int = DIM, images: str = "", features: str = "") -> None:
        self.dim = dim
        self._visual = Visual(images, features)
        if self._visual.chosen and dim != DIM:
            raise SpecError(
                f"data set 'flickr8k': option 'dim' is of its own grid features, got dim={dim} "
                "beside 'images' or 'features': leave it out"
            )

    def files(self, root: Path) -> list[Path]:
        own = () if self._visual.chosen else (FEATURES, SCALE, NAMES)
        return [root / name for name in (TOKENS, *SPLITS.values(), *own)] + self._visual.files(root)

    def load(self, root: Path) -> RetrievalData:
        images = read_splits(root, SPLITS, "image")
        captions = _captions(root, images)
        visual = (
            self._visual.load(root, images, SPLITS)
            if self._visual.chosen
            else self._grid(root, images)
        )
        splits = {
            split: RetrievalSplit(
                features=visual[split][0],
                lengths=visual[split][1],
                captions=[caption for image in names for caption in captions[image]],
                text_to_image=np.repeat(np.arange(len(names)), CAPTIONS),
            )
            for split, names in images.items()
        }
        return RetrievalData(splits)

    def _grid(
        self, root: Path, images: dict[str, list[str]]
    ) -> dict[str, tuple[FeatureArray, np.ndarray]]:
        """Features and lengths of each split, from the quantised table."""
        values, scale, row = self._table(root)
        splits: dict[str, tuple[FeatureArray, np.ndarray]] = {}
        for split, names in images.items():
            if missing := [image for image in names if image not in row]:
                raise DataError(
                    f"{root / NAMES} has no line for {missing[0]} of {SPLITS[split]}: expected a "
                    "row of features for every image of a split"
                )
            rows = select_rows(values, np.array([row[image] for image in names], np.int64))
            splits[split] = (
                QuantisedFeatures(rows, scale),
                np.full(len(names), values.shape[1], np.int64),
            )
        return splits

    def _table(self, root: Path) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
        """The stored integers [images, 49, dim], their scale [dim], and the row of each image."""
        values = open_npy(root / FEATURES, ndim=3, kinds="iu")
        scale = open_npy(root / SCALE, ndim=1)
        names = read_lines(root / NAMES)
        if len(names) != len(values):
            raise DataError(
                f"{root / FEATURES} has {len(values)} rows, expected {len(names)}: one for each "
                f"line of {NAMES}"
            )
        if len(scale) != values.shape[2]:
            raise DataError(
                f"{root / SCALE} has {len(scale)} values, expected {values.shape[2]}: the width "
                f"of {FEATURES}"
            )
        if self.dim > values.shape[2]:
            raise DataError(
                f"{root / FEATURES} has {values.shape[2]} components, option 'dim' asks for "
                f"{self.dim}: give dim={values.shape[2]} or less"
            )
        return (
            values[..., : self.dim],
            np.array(scale[: self.dim], np.float32),
            {name: i for i, name in enumerate(names)},
        )


def _captions(root: Path, images: dict[str, list[str]]) -> dict[str, list[str]]:
    """The five captions of each image of a split, in the order of their numbers.

    Raises:
        DataError: as `_read_tokens`, or an image has another number of captions; the message names
            the file that is cut short.
    """
    found = _read_tokens(root / TOKENS, (image for names in images.values() for image in names))
    bare = [image for image, numbered in found.items() if not numbered]
    for split, names in images.items():
        if bare == names[-1:]:
            raise DataError(
                f"{root / SPLITS[split]} ends in {bare[0]!r}, the only image without a caption in "
                f"{TOKENS}: the list is cut short, get it again"
            )
    for image, numbered in found.items():
        if len(numbered) != CAPTIONS:
            raise DataError(
                f"{root / TOKENS} has {len(numbered)} captions of {image}, expected {CAPTIONS}"
            )
    return {
        image: [numbered[which] for which in sorted(numbered)] for image, numbered in found.items()
    }


def _read_tokens(path: Path, images: Iterable[str]) -> dict[str, dict[str, str]]:
    """The captions of each of `images` by their numbers; other names in the file are passed over.

    The published file also has captions of images that are in no split, and one malformed name
    among them.

    Raises:
        DataError: a line is not `IMAGE#NUMBER<TAB>CAPTION`, or a caption has no word or comes
            twice.
    """
    found: dict[str, dict[str, str]] = {image: {} for image in images}
    form = "IMAGE.jpg#NUMBER, a tab and a caption"
    for where, key, caption in read_keyed(path, form):
        image, mark, which = key.rpartition("#")
        if not mark:
            raise DataError(f"{where}, is of {key[:60]!r}, expected {form}")
        if image not in found:
            continue
        check_caption(caption, where)
        if which in found[image]:
            raise DataError(f"{where}, gives caption {which} of {image} a second time")
        found[image][which] = caption
    return found
