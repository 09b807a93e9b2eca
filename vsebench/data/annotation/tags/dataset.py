"""The procedural tags as a data set of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import aligned
from vsebench.data.annotation.tags.options import Options
from vsebench.data.annotation.tags.write import SPLITS, write
from vsebench.data.npy import open_npy
from vsebench.plugin import AnnotationData, DataError, Positives

if TYPE_CHECKING:
    from pathlib import Path


class Tags:
    """Images × labels with Zipf frequencies and low-rank preferences, one label of each image held
    out; see `Options` for what can be chosen.
    """

    def __init__(
        self, images: int = 10000, labels: int = 1000, density: float = 0.005, seed: int = 0
    ) -> None:
        self.options = Options(images, labels, density, seed)

    def files(self, root: Path) -> list[Path]:  # noqa: ARG002  # a generated set is identified by its options
        return []

    def load(self, root: Path) -> AnnotationData:
        if not root.is_dir():
            write(root, self.options)
        try:
            train, dev, test = (self._positives(root, split) for split in SPLITS)
        except DataError as error:
            raise DataError(f"{error}; delete {root} to have it generated again") from error
        return aligned(train, dev, test)

    def _positives(self, root: Path, split: str) -> Positives:
        """Labels stay on disk, as a memory map."""
        offsets = np.array(open_npy(root / f"{split}_offsets.npy", ndim=1, kinds="i"))
        path = root / f"{split}_labels.i4"
        size = path.stat().st_size if path.is_file() else -1
        if len(offsets) != self.options.images + 1 or size != 4 * offsets[-1]:
            raise DataError(
                f"{path} has {size} bytes and {len(offsets)} offsets, expected {4 * offsets[-1]} "
                f"and {self.options.images + 1}"
            )
        labels = np.memmap(path, "<i4", mode="r") if size else np.empty(0, np.int32)
        return Positives(offsets, np.asarray(labels), self.options.labels)
