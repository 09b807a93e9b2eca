"""Writes a procedural set to a folder, block by block: memory use does not grow with the number of images."""

from __future__ import annotations

import secrets
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.scenes.blocks import generate
from vsebench.data.scenes.camera import camera
from vsebench.data.scenes.options import BLOCK, CAPTIONS
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.data.scenes.options import Options

ABANDONED = 3600.0
"""Seconds without a write after which an unfinished folder is taken for that of a process that died."""

_CAPTION_BYTES = 120
"""More than a caption takes on disk, on average."""


def write(folder: Path, options: Options) -> None:
    """Generates the set into `folder`: `{split}_ims.npy` (float16), `{split}_lengths.npy` and `{split}_caps.txt` of each split.

    The folder appears whole, by a rename. Processes that race each generate it; the first one's is kept.

    Raises:
        DataError: the disk is too small or cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.unfinished")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        _check_space(folder, options)
        unfinished.mkdir()
        for split, images in options.sizes.items():
            _write_split(unfinished, options, split, images)
        if not folder.is_dir():
            _publish(unfinished, folder)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror or error}; set VSEBENCH_CACHE to a folder with space that can be written") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_split(folder: Path, options: Options, split: str, images: int) -> None:
    lengths = np.empty(images, np.int64)
    optics = camera(options)
    header = {"descr": "<f2", "fortran_order": False, "shape": (images, options.regions, options.dim)}
    with (folder / f"{split}_ims.npy").open("wb") as table, (folder / f"{split}_caps.txt").open("w", encoding="utf-8") as captions:
        np.lib.format.write_array_header_1_0(table, header)
        for start in range(0, images, BLOCK):
            block = generate(options, split, start // BLOCK)
            taken = min(BLOCK, images - start)
            lengths[start : start + taken] = block.lengths[:taken]
            table.write(optics.features(block)[:taken].data)
            captions.writelines(f"{caption}\n" for caption in block.captions[: taken * CAPTIONS])
    np.save(folder / f"{split}_lengths.npy", lengths)


def _publish(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, with the same content
            raise


def _sweep(folder: Path) -> None:
    """Removes what processes that died left behind."""
    for left in folder.parent.glob(f".{folder.name}.*.unfinished"):
        newest = max((f.stat().st_mtime for f in [left, *left.iterdir()]), default=0.0)
        if time.time() - newest > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _check_space(folder: Path, options: Options) -> None:
    images = sum(options.sizes.values())
    needed = images * (options.regions * options.dim * 2 + CAPTIONS * _CAPTION_BYTES)
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DataError(
            f"the generated set needs {needed / 1e9:.1f} GB in {folder.parent}, which has {free / 1e9:.1f} GB free: "
            "ask for less, or set VSEBENCH_CACHE to a folder with more space"
        )
