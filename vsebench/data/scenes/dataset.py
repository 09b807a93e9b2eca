"""The procedural set as a data set of the suite: generated block by block, streamed to a folder so
that memory use does not grow with the number of images, and opened from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.generated import ensure_generated
from vsebench.data.reading import open_npy, read_lines
from vsebench.data.scenes.blocks import camera, generate
from vsebench.data.scenes.options import BLOCK, CAPTIONS, Options
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from pathlib import Path

_CAPTION_BYTES = 120
"""More than a caption takes on disk, on average."""


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`, unless it is there and whole: `{split}_ims.npy` (float16),
    `{split}_lengths.npy` and `{split}_caps.txt` of each split.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    images = sum(options.sizes.values())

    def fill(unfinished: Path) -> None:
        for split, size in options.sizes.items():
            _write_split(unfinished, options, split, size)

    ensure_generated(
        folder, images * (options.regions * options.dim * 2 + CAPTIONS * _CAPTION_BYTES), fill
    )


def _write_split(folder: Path, options: Options, split: str, images: int) -> None:
    lengths = np.empty(images, np.int64)
    optics = camera(options)
    header = {
        "descr": "<f2",
        "fortran_order": False,
        "shape": (images, options.regions, options.dim),
    }
    with (
        (folder / f"{split}_ims.npy").open("wb") as table,
        (folder / f"{split}_caps.txt").open("w", encoding="utf-8") as captions,
    ):
        np.lib.format.write_array_header_1_0(table, header)
        for start in range(0, images, BLOCK):
            block = generate(options, split, start // BLOCK)
            taken = min(BLOCK, images - start)
            lengths[start : start + taken] = block.lengths[:taken]
            table.write(optics.features(block)[:taken].data)
            captions.writelines(f"{caption}\n" for caption in block.captions[: taken * CAPTIONS])
    np.save(folder / f"{split}_lengths.npy", lengths)


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
