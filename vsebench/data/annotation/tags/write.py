"""Writes the procedural tags to a folder, block by block: memory grows by the rows' offsets only,
24 bytes an image.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import divide
from vsebench.data.annotation.tags.blocks import generate
from vsebench.data.annotation.tags.options import BLOCK
from vsebench.data.annotation.tags.world import World
from vsebench.data.generated import build

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.data.annotation.tags.options import Options

SPLITS = ("train", "dev", "test")


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`: `{split}_labels.i4` (little-endian int32, no header) and
    `{split}_offsets.npy` (int64) of each split.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    pairs = options.images * options.mean
    build(
        folder,
        int(1.1 * (4 * pairs + 24 * options.images)),
        lambda unfinished: _fill(unfinished, options),
    )


def _fill(folder: Path, options: Options) -> None:
    world = World.of(options)
    offsets = np.zeros((len(SPLITS), options.images + 1), np.int64)
    with ExitStack() as stack:
        files = [
            stack.enter_context((folder / f"{split}_labels.i4").open("wb")) for split in SPLITS
        ]
        for start in range(0, options.images, BLOCK):
            block = start // BLOCK
            parts = divide(
                generate(options, world, block), options.key(block, "hold-out").generator()
            )
            size = min(BLOCK, options.images - start)
            for part, file, row in zip(parts, files, offsets, strict=True):
                file.write(part.labels[: part.offsets[size]].astype("<i4", copy=False).data)
                row[start + 1 : start + size + 1] = row[start] + part.offsets[1 : size + 1]
    for split, row in zip(SPLITS, offsets, strict=True):
        np.save(folder / f"{split}_offsets.npy", row)
