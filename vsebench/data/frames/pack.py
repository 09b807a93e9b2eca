"""Makes the table of the `frames` format from what feature extractors leave: an array per video, in
a folder of `.npy` files or in one `.npz`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from vsebench.data.frames.dataset import IDS, OFFSETS, ROWS
from vsebench.data.reading import ARRAY_DAMAGE
from vsebench.files import guarded, locked, replacing, sweep
from vsebench.plugin import DataError
from vsebench.unpacked import check_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Packed(NamedTuple):
    """What was written: numbers of videos and frames, and the width of a frame."""

    videos: int
    frames: int
    width: int


def pack_frames(
    source: Path,
    target: Path,
    dtype: Literal["float16", "float32"],
    report: Callable[[int, int], None],
) -> Packed:
    """Writes `frames.npy`, `frames_offsets.npy` and `frames_ids.txt`, one video in memory at a
    time; each appears whole, by a rename.

    Args:
        source: a folder of `VIDEO.npy`, or a `.npz` with an array per video: floats [frames,
            width], or [width] for one frame.
        target: the folder to write to, made where needed.
        dtype: dtype of the table.
        report: called with the videos done and their number.

    Raises:
        DataError: there are no videos, an array is not frames of one width, a value is not finite,
            or too large for `dtype`.
        VsebenchError: another process writes to the target.
        WriteError: the target cannot be written.
    """
    with ExitStack() as stack:
        names, read = _open(source, stack)
        with guarded(target, choose="another --to"):
            target.mkdir(parents=True, exist_ok=True)
            with locked(target / ".lock", f"{target} is being written by another process"):
                sweep(target)
                return _write(target, names, read, np.dtype(dtype), report)


def _open(source: Path, stack: ExitStack) -> tuple[list[str], Callable[[str], np.ndarray]]:
    """The videos in order of their names, and what reads one."""
    if source.is_dir():
        names = sorted(p.stem for p in source.glob("*.npy") if not p.name.startswith("."))

        def read(name: str) -> np.ndarray:
            array: np.ndarray = np.load(source / f"{name}.npy", allow_pickle=False)
            return array

    else:
        try:
            file = stack.enter_context(source.open("rb"))  # NumPy leaves damaged ones open
            archive = stack.enter_context(np.load(file, allow_pickle=False))
            names = sorted(archive.files)
        except ARRAY_DAMAGE as error:
            raise DataError(
                f"{source} is neither a folder nor a .npz file: name what holds an array per video"
            ) from error

        def read(name: str) -> np.ndarray:
            check_array(archive.zip, name)
            array: np.ndarray = archive[name]
            return array

    if not names:
        raise DataError(
            f"{source} holds no video: expected a .npy file, or an array of the .npz, for each"
        )
    return names, read


def _arrays(
    names: list[str], read: Callable[[str], np.ndarray], dtype: np.dtype
) -> Iterator[np.ndarray]:
    """The frames of each video [frames, width], checked."""
    width = 0
    for name in names:
        try:
            frames = np.atleast_2d(read(name))
        except ARRAY_DAMAGE as error:
            raise DataError(f"the array of video '{name}' cannot be read: {error}") from error
        width = width or frames.shape[-1]
        if (
            frames.ndim != 2
            or 0 in frames.shape
            or frames.shape[1] != width
            or frames.dtype.kind != "f"
        ):
            raise DataError(
                f"video '{name}' has an array {frames.shape} of {frames.dtype}, expected floats "
                f"[frames, {width}] as of the first video"
            )
        with np.errstate(over="ignore"):
            stored = frames.astype(dtype)
        if not np.isfinite(stored).all():
            raise DataError(
                f"video '{name}' has a value that is not finite, or too large for {dtype}: "
                "compute it again, or use --dtype float32"
            )
        yield stored


def _write(
    target: Path,
    names: list[str],
    read: Callable[[str], np.ndarray],
    dtype: np.dtype,
    report: Callable[[int, int], None],
) -> Packed:
    offsets, width = [0], 0
    # The last one entered takes its place first: the names, which are looked for, come last
    with (
        replacing(target / IDS) as ids,
        replacing(target / OFFSETS) as ends,
        replacing(target / ROWS) as table,
    ):
        table.write(_header(dtype, 0, 0))
        for done, frames in enumerate(_arrays(names, read, dtype), start=1):
            table.write(np.ascontiguousarray(frames).data)
            offsets.append(offsets[-1] + len(frames))
            width = frames.shape[1]
            report(done, len(names))
        table.seek(0)
        table.write(_header(dtype, offsets[-1], width))
        np.save(ends, np.array(offsets, np.int64))
        ids.write("".join(f"{name}\n" for name in names).encode())
    return Packed(len(names), offsets[-1], width)


def _header(dtype: np.dtype, rows: int, width: int) -> bytes:
    """A `.npy` header of 128 bytes, whatever the shape: it is written again when the shape is
    known.
    """
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({rows}, {width}), }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117).encode() + b"\n"
