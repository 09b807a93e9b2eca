"""The precomputed-feature layout of VSE++, SCAN and VSE∞: `{split}_ims.npy` [rows, N, d] and
`{split}_caps.txt`, equally many captions for each image (`caption_owners` knows the rest).

`{split}_lengths.npy` [images] says how many of the N are an image's own, where that differs; the
others are padding. With raw images or a feature table in the place of `{split}_ims.npy`,
`{split}_ids.txt` (and `id_mapping.json`, where ids are not file names) says which image each row or
caption is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.caption_owners import OWNERS, Owners, owners_by_ids, owners_by_rows
from vsebench.data.reading import open_npy, read_captions, read_lines
from vsebench.data.visual import Visual
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit
from vsebench.text import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import FeatureArray, ImageSource

IDS, MAPPING = "ids.txt", "id_mapping.json"


def mapping_path(root: Path) -> Path | None:
    """The file that maps ids to file names, in the set's folder or in the one above it (as VSE∞
    lays it out); None where there is none.
    """
    return next((path for path in (root / MAPPING, root.parent / MAPPING) if path.is_file()), None)


def split_names(root: Path, stem: str, captions: int) -> tuple[list[str], Owners]:
    """The file name of each image of a split, and whose its captions are.

    Args:
        root: the set's folder.
        stem: common beginning of the names of the split's files.
        captions: number of captions; ids may be listed once per image or once per caption.

    Raises:
        DataError: a file is missing, lists another number of ids, repeats them wrongly, or an id
            has no file.
    """
    path = root / f"{stem}_{IDS}"
    owners, ids = owners_by_ids(path, stem, captions, [line.strip() for line in read_lines(path)])
    mapping = _mapping(root)
    if mapping is None:
        return ids, owners
    for number in ids:
        if number not in mapping:
            raise DataError(
                f"{mapping_path(root)} has no entry for id '{number}' of {path.name}: expected "
                "the file name of every image"
            )
    return [mapping[number] for number in ids], owners


def _mapping(root: Path) -> dict[str, str] | None:
    path = mapping_path(root)
    if path is None:
        return None
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON ({error}): expected an object that maps ids to file names"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content.values()):
        raise DataError(f"{path} is not an object that maps ids to file names")
    return content


LIMITS = {"dev": 1000}
"""Images that are used: of dev the first 1,000, with their captions, as the published code does. A
split that says whose each caption is is used whole.
"""


class Precomp:
    """A set in the precomp layout.

    Image rows may be stored once, or five times in succession as in the published dev and test
    files; an array of one vector for each image, [rows, d], is read as one local feature each.
    Every local feature of an image is valid unless `{split}_lengths.npy` says otherwise.

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
        stems, chosen = self._files.values(), self._visual.chosen
        needed = [
            root / f"{stem}_{kind}"
            for stem in stems
            for kind in ("caps.txt", IDS if chosen else "ims.npy")
        ]
        others = [root / f"{stem}_{OWNERS}" for stem in stems]
        others += [root / f"{stem}_lengths.npy" for stem in stems if not chosen]
        others += [mapping] if chosen and (mapping := mapping_path(root)) else []
        return [*needed, *(path for path in others if path.is_file()), *self._visual.files(root)]

    def load(self, root: Path) -> RetrievalData:
        captions = {
            split: read_captions(root / f"{stem}_caps.txt") for split, stem in self._files.items()
        }
        if not self._visual.chosen:
            return RetrievalData(
                {
                    split: _stored(root, split, stem, captions[split])
                    for split, stem in self._files.items()
                }
            )
        named = {
            split: split_names(root, stem, len(captions[split]))
            for split, stem in self._files.items()
        }
        limits = {split: _limit(split, owners) for split, (_, owners) in named.items()}
        visual = self._visual.load(
            root,
            {split: names[: limits[split]] for split, (names, _) in named.items()},
            {split: f"{stem}_{IDS}" for split, stem in self._files.items()},
        )
        return RetrievalData(
            {
                split: _split(*found, captions[split], named[split][1], limits[split])
                for split, found in visual.items()
            },
            feature_kind="grid",
        )


def _limit(split: str, owners: Owners) -> int | None:
    return None if owners.given else LIMITS.get(split)


def _stored(root: Path, split: str, stem: str, captions: list[str]) -> RetrievalSplit:
    """A split whose features are in `{split}_ims.npy`."""
    path = root / f"{stem}_ims.npy"
    stored = open_npy(path, ndim=(2, 3))
    owners = owners_by_rows(root, stem, len(captions), len(stored))
    rows = _images(path, stored if stored.ndim == 3 else stored[:, None], owners)
    lengths = read_lengths(root / f"{stem}_lengths.npy", len(rows), rows.shape[1])
    limit = _limit(split, owners)
    return _split(rows[:limit], lengths[:limit], captions, owners, limit)


def read_lengths(path: Path, images: int, size: int) -> np.ndarray:
    """Local features of each image: all `size` of them where there is no such file."""
    if not path.is_file():
        return np.full(images, size, np.int64)
    lengths = np.array(open_npy(path, ndim=1, kinds="iu"), np.int64)
    if len(lengths) != images or lengths.min() < 1 or lengths.max() > size:
        raise DataError(
            f"{path} has {len(lengths)} lengths from {lengths.min()} to {lengths.max()}, expected "
            f"{images} (one for each image) from 1 to {size}"
        )
    return lengths


def _split(
    features: FeatureArray | ImageSource,
    lengths: np.ndarray,
    captions: list[str],
    owners: Owners,
    limit: int | None,
) -> RetrievalSplit:
    kept, owner = owners.first(limit)
    return RetrievalSplit(features, lengths, [captions[i] for i in kept.tolist()], owner)


def _images(path: Path, rows: np.ndarray, owners: Owners) -> np.ndarray:
    """A row for each image, [images, N, d], of an array that may have each several times."""
    if owners.copies == 1:
        return rows
    for image in (0, owners.images // 2, owners.images - 1):
        _check_copies(path, rows, image * owners.copies, owners.copies)
    return rows[:: owners.copies]


def _check_copies(path: Path, rows: np.ndarray, first: int, count: int) -> None:
    """Makes sure that an array with as many rows as captions does hold each image several times."""
    copies = rows[first : first + count]
    if not np.array_equal(copies, np.broadcast_to(copies[:1], copies.shape), equal_nan=True):
        raise DataError(
            f"{path} has a row for each caption, but rows {first} to {first + count - 1} differ: "
            "expected each image five times in succession, or once; that each image has one "
            f"caption, {path.name.replace('ims.npy', OWNERS)} has to say"
        )
