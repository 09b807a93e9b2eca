"""A table of features made from raw images: what `vsebench data extract` writes and data sets open.

A folder of `features.npy` float16 [images, local features, width], `images.txt` with the name of
each row's image, and `table.json`, which says what it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.data.npy import open_npy
from vsebench.data.text import read_lines
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

FEATURES, NAMES, ABOUT = "features.npy", "images.txt", "table.json"


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """An opened table.

    Attributes:
        path: its folder.
        features: float [images, local features, width], a memory map.
        names: of the images.
    """

    path: Path
    features: np.ndarray
    names: tuple[str, ...]


def table_files(path: Path) -> list[Path]:
    """The files that define a table's content."""
    return [path / FEATURES, path / NAMES]


def open_table(path: Path) -> FeatureTable:
    """Opens a table; nothing but its names is read.

    Raises:
        DataError: it is not there, unfinished or inconsistent.
    """
    if not path.is_dir():
        raise MissingError(
            f"feature table {path} does not exist: expected the folder that 'vsebench data "
            "extract --out' has written"
        )
    features, names = open_npy(path / FEATURES, ndim=3), tuple(read_lines(path / NAMES))
    if len(names) != len(features):
        raise DataError(
            f"{path / FEATURES} has {len(features)} rows, expected {len(names)}: one for each "
            f"line of {NAMES}"
        )
    return FeatureTable(path, features, names)
