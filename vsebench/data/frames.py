"""The `frames` format: one feature table of all videos' frames, a file of captions, and a list of
videos for each split. `pack_frames` makes the table from what feature extractors leave.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from vsebench.data.feature_arrays import RaggedFeatures
from vsebench.data.reading import (
    ARRAY_DAMAGE,
    check_caption,
    npy_header,
    open_npy,
    read_keyed,
    read_lines,
    read_splits,
)
from vsebench.files import guarded, locked, open_regular, replacing, sweep
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit
from vsebench.unpacked import check_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

ROWS, OFFSETS, IDS = "frames.npy", "frames_offsets.npy", "frames_ids.txt"
CAPTIONS = "captions.txt"
SPLITS = {split: f"{split}_ids.txt" for split in ("train", "dev", "test")}


class Frames:
    """Videos as sets of frame features.

    Args:
        max_frames: frames of a video that are used at most, evenly spread over a longer one.
    """

    def __init__(self, max_frames: int = 64) -> None:
        self.max_frames = max_frames

    def files(self, root: Path) -> list[Path]:
        return [root / name for name in (ROWS, OFFSETS, IDS, CAPTIONS, *SPLITS.values())]

    def load(self, root: Path) -> RetrievalData:
        rows, offsets, row_of = _table(root)
        videos = read_splits(root, SPLITS, "video")
        for split, names in videos.items():
            if absent := [video for video in names if video not in row_of]:
                raise DataError(
                    f"{root / SPLITS[split]} lists {absent[0]!r}, which {IDS} does not: expected "
                    "features of every video of a split"
                )
        captions = _captions(root / CAPTIONS, chain.from_iterable(videos.values()))
        splits = {}
        for split, names in videos.items():
            numbers = np.array([row_of[video] for video in names])
            counts = offsets[numbers + 1] - offsets[numbers]
            features = RaggedFeatures(
                rows, offsets[numbers], counts, min(self.max_frames, int(counts.max()))
            )
            splits[split] = RetrievalSplit(
                features=features,
                lengths=features.lengths,
                captions=[caption for video in names for caption in captions[video]],
                text_to_image=np.repeat(
                    np.arange(len(names)), [len(captions[video]) for video in names]
                ),
            )
        return RetrievalData(splits)


def _captions(path: Path, videos: Iterable[str]) -> dict[str, list[str]]:
    """The captions of each of `videos`, in the order of the file; other videos in it are passed
    over.

    Raises:
        DataError: a line is not `VIDEO<TAB>CAPTION`, a caption has no word, or a video has none.
    """
    found: dict[str, list[str]] = {video: [] for video in videos}
    for where, video, caption in read_keyed(path, "a video's id, a tab and a caption"):
        if video in found:
            check_caption(caption, where, "video")
            found[video].append(caption)
    if bare := next((video for video, captions in found.items() if not captions), None):
        raise DataError(f"{path} has no caption of '{bare}': every video of a split needs one")
    return found


def _table(root: Path) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """All frames [total, d], where each video's begin and the last one's end, int64 [videos + 1],
    and the number of each video.
    """
    rows = open_npy(root / ROWS, ndim=2)
    offsets = np.array(open_npy(root / OFFSETS, ndim=1, kinds="iu"), np.int64)
    names = read_lines(root / IDS)
    if len(offsets) != len(names) + 1:
        raise DataError(
            f"{root / OFFSETS} has {len(offsets)} values, expected {len(names) + 1}: one more "
            f"than {IDS} has lines"
        )
    if offsets[0] != 0 or offsets[-1] != len(rows):
        raise DataError(
            f"{root / OFFSETS} runs from {offsets[0]} to {offsets[-1]}, expected 0 to "
            f"{len(rows)}, the rows of {ROWS}"
        )
    if len(empty := np.flatnonzero(np.diff(offsets) < 1)):
        raise DataError(
            f"{root / OFFSETS} gives '{names[empty[0]]}' no frame (from {offsets[empty[0]]} to "
            f"{offsets[empty[0] + 1]}): every video needs one"
        )
    row_of = {name: number for number, name in enumerate(names)}
    if len(row_of) < len(names):
        twice = next(name for number, name in enumerate(names) if row_of[name] != number)
        raise DataError(f"{root / IDS} lists '{twice}' twice")
    return rows, offsets, row_of


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
                stored = np.dtype(dtype)
                return _write(target, names, _arrays(names, read, stored), stored, report)


def _open(source: Path, stack: ExitStack) -> tuple[list[str], Callable[[str], np.ndarray]]:
    """The videos in order of their names, and what reads one."""
    if source.is_dir():
        names = sorted(path.stem for path in source.glob("*.npy") if path.name[0] != ".")
    else:
        try:
            file = stack.enter_context(open_regular(source))  # NumPy leaves damaged ones open
            archive = stack.enter_context(np.load(file, allow_pickle=False))
            names = sorted(archive.files)
        except ARRAY_DAMAGE as error:
            raise DataError(
                f"{source} is neither a folder nor a .npz file: name what holds an array per video"
            ) from error
    if not names:
        raise DataError(
            f"{source} holds no video: expected a .npy file, or an array of the .npz, for each"
        )

    def read(name: str) -> np.ndarray:
        if source.is_dir():
            with open_regular(source / f"{name}.npy") as own:
                return np.asarray(np.load(own, allow_pickle=False))
        check_array(archive.zip, name)
        return np.asarray(archive[name])

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
            stored = np.ascontiguousarray(frames, dtype)
        if not np.isfinite(stored).all():
            raise DataError(
                f"video '{name}' has a value that is not finite, or too large for {dtype}: "
                "compute it again, or use --dtype float32"
            )
        yield stored


def _write(
    target: Path,
    names: list[str],
    arrays: Iterator[np.ndarray],
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
        # NumPy's headers leave room for a longer first axis: this one is written again at the end
        table.write(npy_header((0, 0), dtype))
        for done, frames in enumerate(arrays, start=1):
            table.write(frames.data)
            offsets.append(offsets[-1] + len(frames))
            width = frames.shape[1]
            report(done, len(names))
        table.seek(0)
        table.write(npy_header((offsets[-1], width), dtype))
        np.save(ends, np.array(offsets, np.int64))
        ids.write("".join(f"{name}\n" for name in names).encode())
    return Packed(len(names), offsets[-1], width)
