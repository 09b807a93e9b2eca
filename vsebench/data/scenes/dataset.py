"""The procedural set as a data set of the suite: generated block by block, streamed to a folder so
that memory use does not grow with the number of images, and opened from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.generated import ensure_generated
from vsebench.data.reading import npy_header, open_npy, read_lines
from vsebench.data.scenes.blocks import BLOCK, Options, camera, generate
from vsebench.data.scenes.captions import CAPTIONS
from vsebench.plugin import RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from pathlib import Path

_CAPTION_BYTES = 120
"""More than a caption takes on disk, on average."""


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
        return RetrievalData({split: _load_split(root, split) for split in self.options.sizes})


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`, unless it is there and whole: `{split}_ims.npy` (float16),
    `{split}_lengths.npy` and `{split}_caps.txt` of each split.

    Raises:
        DataError: the disk is too small.
        WriteError: it is full or cannot be written.
    """

    def fill(unfinished: Path) -> None:
        for split, size in options.sizes.items():
            _write_split(unfinished, options, split, size)

    image_bytes = options.regions * options.dim * 2 + CAPTIONS * _CAPTION_BYTES
    ensure_generated(folder, sum(options.sizes.values()) * image_bytes, fill)


def _write_split(folder: Path, options: Options, split: str, images: int) -> None:
    lengths = np.empty(images, np.int64)
    optics = camera(options)
    with (
        (folder / f"{split}_ims.npy").open("wb") as table,
        (folder / f"{split}_caps.txt").open("w", encoding="utf-8") as captions,
    ):
        table.write(npy_header((images, options.regions, options.dim), np.dtype("<f2")))
        for start in range(0, images, BLOCK):
            block = generate(options, split, start // BLOCK)
            taken = min(BLOCK, images - start)
            lengths[start : start + taken] = block.lengths[:taken]
            table.write(optics.features(block)[:taken].data)
            captions.writelines(f"{caption}\n" for caption in block.captions[: taken * CAPTIONS])
    np.save(folder / f"{split}_lengths.npy", lengths)


def _load_split(root: Path, split: str) -> RetrievalSplit:
    lengths = np.array(open_npy(root / f"{split}_lengths.npy", ndim=1, kinds="i"))
    return RetrievalSplit(
        features=open_npy(root / f"{split}_ims.npy", ndim=3),
        lengths=lengths,
        captions=read_lines(root / f"{split}_caps.txt"),
        text_to_image=np.repeat(np.arange(len(lengths)), CAPTIONS),
    )
