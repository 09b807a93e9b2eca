"""The `frames` format: one table of all videos' frames, a file of captions, and a list of videos
for each split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_arrays import RaggedFeatures
from vsebench.data.reading import open_npy, read_lines
from vsebench.data.words import has_word
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from collections.abc import Iterable
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
        videos = {split: read_lines(root / name) for split, name in SPLITS.items()}
        _check_splits(root, videos, row_of)
        captions = read_captions_of(
            root / CAPTIONS, (video for names in videos.values() for video in names)
        )
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


def read_captions_of(path: Path, videos: Iterable[str]) -> dict[str, list[str]]:
    """The captions of each of `videos`, in the order of the file; other videos in it are passed
    over.

    Raises:
        DataError: a line is not `VIDEO<TAB>CAPTION`, a caption has no word, or a video has none.
    """
    found: dict[str, list[str]] = {video: [] for video in videos}
    for number, line in enumerate(read_lines(path), start=1):
        video, tab, caption = line.partition("\t")
        if not tab:
            raise DataError(
                f"{path}, line {number}, is {line[:60]!r}, expected a video's id, a tab and a "
                "caption"
            )
        if video not in found:
            continue
        if not has_word(caption):
            raise DataError(
                f"{path}, line {number}, is an empty caption (no word in {caption!r}): every line "
                "must describe a video"
            )
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


def _check_splits(root: Path, videos: dict[str, list[str]], row_of: dict[str, int]) -> None:
    seen: dict[str, str] = {}
    for split, names in videos.items():
        path = root / SPLITS[split]
        if not names:
            raise DataError(f"{path} is empty, expected the id of one video a line")
        for video in names:
            if video in seen:
                raise DataError(
                    f"{path} lists '{video}', which {SPLITS[seen[video]]} lists too: splits must "
                    "not share videos"
                )
            if video not in row_of:
                raise DataError(
                    f"{path} lists '{video}', which {IDS} does not: expected features of every "
                    "video of a split"
                )
            seen[video] = split
