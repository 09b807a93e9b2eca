"""Where a data set's options say that its images come from: raw images, or a feature table that was
extracted from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_arrays import select_rows
from vsebench.data.feature_table import open_table, table_files
from vsebench.data.images.store import open_images
from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.plugin import FeatureArray, ImageSource


@dataclass(frozen=True)
class Visual:
    """The options `images` and `features` of a data set, at most one of them given.

    Attributes:
        images: folder or tar file of raw images; None for features.
        features: folder of the feature table; None for raw images.
    """

    images: str = ""
    features: str = ""

    def __post_init__(self) -> None:
        if self.images and self.features:
            raise SpecError(
                "a data set takes its images from 'images' or from 'features': give one of the "
                "two options"
            )

    @property
    def chosen(self) -> bool:
        """Whether either is given; otherwise the data set has features of its own."""
        return bool(self.images or self.features)

    def files(self, root: Path) -> list[Path]:
        """The files to hash. Raw images are hashed as they are decoded."""
        return table_files(_resolve(root, self.features)) if self.features else []

    def load(
        self, root: Path, splits: Mapping[str, Sequence[str]], listing: Mapping[str, str]
    ) -> dict[str, tuple[FeatureArray | ImageSource, np.ndarray]]:
        """The features of each split, and their lengths.

        Args:
            root: the data set's folder.
            splits: the names of each split's images in order.
            listing: the file that names them, for errors.

        Raises:
            DataError: the images or the table are not there or not sound, or an image of a split is
                not among them.
        """
        if self.features:
            table = open_table(_resolve(root, self.features))
            rows = ImageRows(table.names, str(table.path / "images.txt"))
            chosen = {
                split: select_rows(
                    table.features, np.array(rows.of(names, listing[split]), np.int64)
                )
                for split, names in splits.items()
            }
            return {
                split: (features, np.full(len(features), features.shape[1], np.int64))
                for split, features in chosen.items()
            }
        store = open_images(_resolve(root, self.images))
        rows = ImageRows(store.names, str(_resolve(root, self.images)))
        return {
            split: (store.subset(rows.of(names, listing[split])), np.ones(len(names), np.int64))
            for split, names in splits.items()
        }


class ImageRows:
    """Finds images by name: the whole name, or the last part of it where only one image has
    that.
    """

    def __init__(self, names: Sequence[str], where: str) -> None:
        self._where = where
        self._rows: dict[str, int] = {}
        ambiguous: set[str] = set()
        for row, name in enumerate(names):
            base = PurePosixPath(name).name
            if base in self._rows:
                ambiguous.add(base)
            self._rows[base] = row
        for base in ambiguous:
            del self._rows[base]
        self._rows.update((name, row) for row, name in enumerate(names))

    def of(self, names: Sequence[str], listing: str) -> list[int]:
        """The row of each image.

        Raises:
            DataError: one is not there; `listing` is the file that names it.
        """
        missing = [name for name in names if name not in self._rows]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(
                f"{self._where} has no image {missing[0]}{more} of {listing}: every image of a "
                "split is needed"
            )
        return [self._rows[name] for name in names]


def _resolve(root: Path, given: str) -> Path:
    """A path as given: from the data set's folder where it exists there, else from the current
    one.
    """
    inside = root / given
    return inside if inside.exists() else Path(given)
