"""Features in a file or a folder, without a data set around them: a feature table that `data
extract` wrote, or an array of the precomp layout, with the files that lie beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_table import FEATURES, open_table
from vsebench.data.precomp import IDS, read_lengths
from vsebench.data.reading import open_npy, read_header, read_lines
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from pathlib import Path

_IMAGES = "_ims.npy"


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """Features of n images.

    Attributes:
        features: [n, N, d], a memory map.
        lengths: int64 [n], valid features of each image.
        names: names of the images; empty where nothing says them.
    """

    features: np.ndarray
    lengths: np.ndarray
    names: tuple[str, ...]


def open_features(path: Path) -> FeatureFile:
    """Opens a feature table, or `NAME.npy` of [n, N, d] or [n, d].

    Of `SPLIT_ims.npy`, `SPLIT_lengths.npy` says how many of the N are valid, and `SPLIT_ids.txt`
    what the images are called, where these files are there.

    Raises:
        DataError: it is missing, damaged, or something else.
    """
    if path.is_dir() and (path / FEATURES).is_file():
        table = open_table(path)
        rows, most, _ = table.features.shape
        return FeatureFile(table.features, np.full(rows, most, np.int64), table.names)
    if path.is_dir():
        arrays = ", ".join(sorted(each.name for each in path.glob(f"*{_IMAGES}")))
        raise DataError(
            f"{path} is no feature table: expected {FEATURES} in it"
            + (f"; name one of its arrays: {arrays}" if arrays else "")
        )
    if not path.is_file():
        raise MissingError(f"{path} does not exist: name a feature table or a .npy file")
    vectors = len(read_header(path).shape) == 2
    features = open_npy(path, ndim=2 if vectors else 3)
    features = features[:, None] if vectors else features
    if not path.name.endswith(_IMAGES):
        return FeatureFile(features, np.full(len(features), features.shape[1], np.int64), ())
    stem = path.name.removesuffix(_IMAGES)
    lengths = read_lengths(path.with_name(f"{stem}_lengths.npy"), len(features), features.shape[1])
    names = path.with_name(f"{stem}_{IDS}")
    found = tuple(read_lines(names)) if names.is_file() else ()
    return FeatureFile(features, lengths, found if len(found) == len(features) else ())
