"""The procedural set as a data set of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.npy import open_npy
from vsebench.data.scenes.options import CAPTIONS, Options
from vsebench.data.scenes.write import write
from vsebench.data.text import read_lines
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from pathlib import Path


class Scenes:
    """Scenes of objects with attributes and relations, seen as noisy region vectors; see `Options`
    for what can be chosen.
    """

    def __init__(
        self,
        images: int = 3000,
        regions: int = 36,
        dim: int = 96,
        difficulty: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.options = Options(images, regions, dim, difficulty, seed)

    def files(self, root: Path) -> list[Path]:  # noqa: ARG002  # a generated set is identified by its options
        return []

    def load(self, root: Path) -> RetrievalData:
        if not root.is_dir():
            write(root, self.options)
        try:
            return RetrievalData(
                {
                    split: _load_split(root, split, images)
                    for split, images in self.options.sizes.items()
                }
            )
        except DataError as error:
            raise DataError(f"{error}; delete {root} to have it generated again") from error


def _load_split(root: Path, split: str, images: int) -> RetrievalSplit:
    features = open_npy(root / f"{split}_ims.npy", ndim=3)
    lengths = np.array(open_npy(root / f"{split}_lengths.npy", ndim=1, kinds="i"))
    captions = read_lines(root / f"{split}_caps.txt")
    if not (len(features) == len(lengths) == images and len(captions) == images * CAPTIONS):
        raise DataError(
            f"{root} has {len(features)} rows, {len(lengths)} lengths and {len(captions)} "
            f"captions in split '{split}', expected {images} images"
        )
    return RetrievalSplit(features, lengths, captions, np.repeat(np.arange(images), CAPTIONS))
