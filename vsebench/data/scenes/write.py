"""Writes a procedural set to a folder, block by block: memory use does not grow with the number of
images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.generated import build
from vsebench.data.scenes.blocks import generate
from vsebench.data.scenes.camera import camera
from vsebench.data.scenes.options import BLOCK, CAPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.data.scenes.options import Options

_CAPTION_BYTES = 120
"""More than a caption takes on disk, on average."""


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`: `{split}_ims.npy` (float16), `{split}_lengths.npy` and
    `{split}_caps.txt` of each split.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    images = sum(options.sizes.values())

    def fill(unfinished: Path) -> None:
        for split, size in options.sizes.items():
            _write_split(unfinished, options, split, size)

    build(folder, images * (options.regions * options.dim * 2 + CAPTIONS * _CAPTION_BYTES), fill)


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
