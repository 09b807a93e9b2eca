"""Arrays that are expensive to compute, kept in the user's cache under what decides their content,
so that every run, seed and process that needs one finds it.

A folder holds `values.npy` and then `about.json`, which says what the values are, and their size
and SHA-256. Values that are damaged, or that a killed process left without the note, are computed
again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from vsebench.data.cache import cache_dir, check_space, digest, read_note
from vsebench.data.fingerprint import scan
from vsebench.data.reading import npy_header, open_npy
from vsebench.files import guarded, queued, replacing, sweep, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_log = logging.getLogger("vsebench")

VALUES, ABOUT = "values.npy", "about.json"


def keep(
    kind: str,
    key: Mapping[str, Any],
    shape: tuple[int, ...],
    compute: Callable[[], Iterable[np.ndarray]],
    waiting: Callable[[], None],
) -> np.ndarray:
    """The float16 array that a key stands for, a read-only memory map: found, or computed once
    whatever number of processes ask for it at a time.

    Args:
        kind: kind of array, the cache's folder of its like.
        key: everything that decides the values, as JSON can hold it.
        shape: shape of the array.
        compute: makes its rows in order, float16 blocks [b, …]; only one is in memory at a time.
        waiting: called again and again while another process computes it.

    Raises:
        DataError: the disk is too small.
        WriteError: it is full or cannot be written.
    """
    folder = cache_dir() / kind / digest(key)[:16]
    with guarded(folder, choose="another cache folder with VSEBENCH_CACHE"):
        found = _find(folder, key, shape)
        if found is None:
            folder.mkdir(parents=True, exist_ok=True)
            with queued(folder / ".lock", waiting):
                found = _find(folder, key, shape)
                if found is None:
                    found = _write(folder, key, shape, compute)
    return found


def _find(folder: Path, key: Mapping[str, Any], shape: tuple[int, ...]) -> np.ndarray | None:
    """The array, if it is there and whole."""
    note, path = read_note(folder / ABOUT), folder / VALUES
    if note is None:
        return None
    try:
        whole = (
            note.get("key") == json.loads(json.dumps(key))
            and note.get("bytes") == path.stat().st_size
            and note.get("sha256") == scan(path).sha256
        )
        if whole:
            values = open_npy(path, ndim=len(shape))
            if values.shape == shape and values.dtype == np.float16:
                return values
    except (DataError, OSError) as error:
        _log.warning("%s cannot be used (%s): it is computed again", path, error)
        return None
    _log.warning("%s is damaged: it is computed again", path)
    return None


def _write(
    folder: Path,
    key: Mapping[str, Any],
    shape: tuple[int, ...],
    compute: Callable[[], Iterable[np.ndarray]],
) -> np.ndarray:
    sweep(folder)
    check_space(folder, 2 * math.prod(shape), "the array")
    path = folder / VALUES
    with replacing(path) as file:
        sha256, size = _fill(file, shape, compute())
    note = {"key": key, "bytes": size, "sha256": sha256}
    write_text(folder / ABOUT, json.dumps(note, indent=1) + "\n")
    return open_npy(path, ndim=len(shape))


def _fill(file: BinaryIO, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> tuple[str, int]:
    """Writes an array; returns the SHA-256 and the size of its file."""
    content, rows = hashlib.sha256(), 0

    def write(part: bytes | memoryview) -> int:
        content.update(part)
        return file.write(part)

    size = write(npy_header(shape, np.dtype(np.float16)))
    for block in blocks:
        if block.dtype != np.float16 or block.shape[1:] != shape[1:]:
            raise ValueError(f"a block is {block.dtype} {block.shape}, of a float16 array {shape}")
        size += write(np.ascontiguousarray(block).data.cast("B"))
        rows += len(block)
    if rows != shape[0]:
        raise ValueError(f"{rows} of {shape[0]} rows were computed")
    return content.hexdigest(), size
