"""The user tags of MIRFlickr-25k, from the MATLAB file of its cross-modal retrieval version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import leave_one_out
from vsebench.data.apart import read_matlab
from vsebench.plugin import AnnotationData, DataError, MissingError, Positives

if TYPE_CHECKING:
    from pathlib import Path

FILE, VARIABLE = "mirflickr25k-yall.mat", "YAll"


class MirFlickr:
    """Images × tags, zeros and ones.

    Args:
        seed: seed of the tags that are held out.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def files(self, root: Path) -> list[Path]:
        return [root / FILE]

    def load(self, root: Path) -> AnnotationData:
        chosen = _read(root / FILE)
        images, labels = np.nonzero(chosen)
        return leave_one_out(Positives.from_pairs(images, labels, *chosen.shape), self.seed)


def _read(path: Path) -> np.ndarray:
    """The matrix of zeros and ones [images, tags]."""
    if not path.is_file():
        raise MissingError(f"{path} is missing")
    found = read_matlab(path, VARIABLE)
    if found is None:
        raise DataError(
            f"{path} has no variable '{VARIABLE}', expected the tags of every image in it"
        )
    if found.ndim != 2 or found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        raise DataError(
            f"{path}: '{VARIABLE}' is {found.dtype} of shape {found.shape}, expected zeros and "
            "ones [images, tags]"
        )
    return found
