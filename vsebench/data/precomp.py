"""The precomputed-feature layout of VSE++, SCAN and VSE∞: `{split}_ims.npy` [rows, N, d] and
`{split}_caps.txt`, five captions an image.

`{split}_lengths.npy` [images] says how many of the N are an image's own, where that differs; the
others are padding. With raw images or an extracted table in the place of `{split}_ims.npy`,
`{split}_ids.txt` (and `id_mapping.json`, where ids are not file names) says which image each row or
caption is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.reading import open_npy, read_captions, read_lines
from vsebench.data.visual import Visual
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import FeatureArray, ImageSource

IDS, MAPPING = "ids.txt", "id_mapping.json"


def mapping_path(root: Path) -> Path | None:
    """The file that maps ids to file names, in the set's folder or in the one above it (as VSE∞
    lays it out); None where there is none.
    """
    return next((path for path in (root / MAPPING, root.parent / MAPPING) if path.is_file()), None)


def split_names(root: Path, stem: str, images: int, captions: int) -> list[str]:
    """The file name of each image of a split.

    Args:
        root: the set's folder.
        stem: common beginning of the names of the split's files.
        images: number of images in the split.
        captions: number of captions of one image; the ids may be listed once per image or once per
            caption.

    Raises:
        DataError: a file is missing, lists another number of ids, repeats them wrongly, or an id
            has no file.
    """
    path = root / f"{stem}_{IDS}"
    ids = [line.strip() for line in read_lines(path)]
    if len(ids) == images * captions and captions > 1:
        for start in range(0, len(ids), captions):
            if len(set(ids[start : start + captions])) > 1:
                raise DataError(
                    f"{path}, lines {start + 1} to {start + captions}, are not one id: expected "
                    f"{captions} equal lines for each image, or one"
                )
        ids = ids[::captions]
    if len(ids) != images:
        raise DataError(
            f"{path} has {len(ids)} lines, expected {images} (one for each image) or "
            f"{images * captions} (one for each caption)"
        )
    mapping = _mapping(root)
    if mapping is None:
        return ids
    for number in ids:
        if number not in mapping:
            raise DataError(
                f"{mapping_path(root)} has no entry for id '{number}' of {path.name}: expected "
                "the file name of every image"
            )
    return [mapping[number] for number in ids]


def _mapping(root: Path) -> dict[str, str] | None:
    path = mapping_path(root)
    if path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is not JSON ({error}): expected an object that maps ids to file names"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content.values()):
        raise DataError(f"{path} is not an object that maps ids to file names")
    return content


CAPTIONS = 5
"""Consecutive captions of one image."""

LIMITS = {"dev": 1000}
"""Images that are used: of dev the first 1,000, with their 5,000 captions, as the published code
does.
"""


class Precomp:
    """A set in the precomp layout.

    Image rows may be stored once, or five times in succession as in the published dev and test
    files. Every local feature of an image is valid unless `{split}_lengths.npy` says otherwise.

    Args:
        test: the files that are the test split: `test`, or `testall` for the 5,000 test images of
            COCO.
        images: raw images instead of `{split}_ims.npy`: a folder or an uncompressed tar.
        features: features extracted from raw images instead: a feature table.
    """

    def __init__(self, test: str = "test", images: str = "", features: str = "") -> None:
        self._files = {"train": "train", "dev": "dev", "test": test}
        self._visual = Visual(images, features)

    def files(self, root: Path) -> list[Path]:
        kind = IDS if self._visual.chosen else "ims.npy"
        own = [
            root / f"{stem}_{name}" for stem in self._files.values() for name in (kind, "caps.txt")
        ]
        if not self._visual.chosen:
            lengths = (root / f"{stem}_lengths.npy" for stem in self._files.values())
            return [*own, *(path for path in lengths if path.is_file())]
        mapping = mapping_path(root)
        return [*own, *([mapping] if mapping else []), *self._visual.files(root)]

    def load(self, root: Path) -> RetrievalData:
        captions = {
            split: _captions(root / f"{stem}_caps.txt") for split, stem in self._files.items()
        }
        if not self._visual.chosen:
            return RetrievalData(
                {
                    split: _stored(root, stem, LIMITS.get(split), captions[split])
                    for split, stem in self._files.items()
                }
            )
        names = {
            split: split_names(root, stem, len(captions[split]) // CAPTIONS, CAPTIONS)[
                : LIMITS.get(split)
            ]
            for split, stem in self._files.items()
        }
        visual = self._visual.load(
            root, names, {split: f"{stem}_{IDS}" for split, stem in self._files.items()}
        )
        return RetrievalData(
            {split: _split(*found, captions[split]) for split, found in visual.items()},
            feature_kind="grid",
        )


def _stored(root: Path, stem: str, limit: int | None, captions: list[str]) -> RetrievalSplit:
    """A split whose features are in `{split}_ims.npy`."""
    rows = _images(root / f"{stem}_ims.npy", len(captions))
    lengths = read_lengths(root / f"{stem}_lengths.npy", len(rows), rows.shape[1])
    return _split(rows[:limit], lengths[:limit], captions)


def read_lengths(path: Path, images: int, size: int) -> np.ndarray:
    """Local features of each image: all `size` of them where there is no such file."""
    if not path.is_file():
        return np.full(images, size, np.int64)
    lengths = np.array(open_npy(path, ndim=1, kinds="iu"), np.int64)
    if len(lengths) != images:
        raise DataError(f"{path} has {len(lengths)} lengths, expected {images}: one for each image")
    return lengths


def _split(
    features: FeatureArray | ImageSource, lengths: np.ndarray, captions: list[str]
) -> RetrievalSplit:
    images = len(lengths)
    return RetrievalSplit(
        features, lengths, captions[: images * CAPTIONS], np.repeat(np.arange(images), CAPTIONS)
    )


def _captions(path: Path) -> list[str]:
    captions = read_captions(path)
    if len(captions) % CAPTIONS or not captions:
        raise DataError(
            f"{path} has {len(captions)} captions, expected a multiple of {CAPTIONS}: five "
            "consecutive lines for each image"
        )
    return captions


def _images(path: Path, captions: int) -> np.ndarray:
    """The memory map of `path` with one row for each image, [captions / 5, N, d]."""
    rows = open_npy(path, ndim=3)
    name = path.name.replace("_ims.npy", "_caps.txt")
    images = captions // CAPTIONS
    if len(rows) == images:
        return rows
    if len(rows) != captions:
        raise DataError(
            f"{path} has {len(rows)} rows for the {captions} captions of {name}, expected "
            f"{images} (each image once) or {captions} (five times)"
        )
    for image in (0, images // 2, images - 1):
        _check_copies(path, rows, image * CAPTIONS)
    return rows[::CAPTIONS]


def _check_copies(path: Path, rows: np.ndarray, first: int) -> None:
    """Makes sure that a table with as many rows as captions does hold each image five times."""
    copies = rows[first : first + CAPTIONS]
    if not np.array_equal(copies, np.broadcast_to(copies[:1], copies.shape), equal_nan=True):
        last = first + CAPTIONS - 1
        raise DataError(
            f"{path} has a row for each caption, but rows {first} to {last} differ: expected each "
            "image five times in succession, or once"
        )
