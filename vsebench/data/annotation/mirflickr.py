"""The user tags of MIRFlickr-25k, from the MATLAB file of its cross-modal retrieval version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.io import loadmat

from vsebench.data.annotation.hold_out import leave_one_out
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
        table = _read(root / FILE)
        images, labels = np.nonzero(table)
        return leave_one_out(Positives.from_pairs(images, labels, *table.shape), self.seed)


def _read(path: Path) -> np.ndarray:
    """The table of zeros and ones [images, tags]."""
    if not path.is_file():
        raise MissingError(f"{path} is missing")
    try:
        table = loadmat(path, variable_names=[VARIABLE]).get(VARIABLE)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # of damaged bytes almost any, by where the damage is
        raise DataError(
            f"{path} is not a MATLAB file that SciPy can read (before version 7.3): get it again"
        ) from error
    if table is None:
        raise DataError(
            f"{path} has no variable '{VARIABLE}', expected the tags of every image in it"
        )
    if table.ndim != 2 or table.dtype.kind not in "biuf" or not np.isin(table, (0, 1)).all():
        raise DataError(
            f"{path}: '{VARIABLE}' is {table.dtype} of shape {table.shape}, expected zeros and "
            "ones [images, tags]"
        )
    return np.asarray(table)
