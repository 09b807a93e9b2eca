"""Proves that an opened data set is the published one: counts, order of captions, files as
prepared, and no image in two splits, told by ids, captions or features.
"""

from __future__ import annotations

import hashlib
import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from vsebench.data.caption_owners import CAPTIONS
from vsebench.data.feature_arrays import QuantisedFeatures
from vsebench.data.precomp import IDS, LIMITS
from vsebench.data.prepare.karpathy import SETS, Published, read_karpathy
from vsebench.data.prepare.manifest import damaged_files, read_manifest
from vsebench.data.prepare.precomp import first_other
from vsebench.data.reading import read_lines
from vsebench.data.words import tokenise
from vsebench.plugin import DataError, RetrievalData

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.open import OpenedDataset
    from vsebench.plugin import RetrievalSplit

    Place = tuple[str, int]
    """A split, and the number of an image in it."""

_BLOCK = 256


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: it holds (`ok`), it does not (`FAIL`), it will hurt (`warn`), or
    it is worth knowing (`note`).
    """

    verdict: Literal["ok", "FAIL", "warn", "note"]
    text: str


def audit(opened: OpenedDataset, *, published_counts: bool) -> Iterator[Finding]:
    """Checks any opened set; that its files are sound and every feature finite, opening has shown.

    Args:
        opened: the data set.
        published_counts: whether its card has any to compare with.
    """
    yield Finding("ok", "files are whole and every value is finite")
    yield from (Finding("note", warning) for warning in opened.data.warnings)
    if published_counts:
        differences = [
            warning for warning in opened.warnings if warning not in opened.data.warnings
        ]
        yield from (Finding("FAIL", difference) for difference in differences)
        if not differences:
            yield Finding("ok", "all numbers are the published ones")
    if isinstance(opened.data, RetrievalData):
        yield from _shared("the same captions", shared_captions(opened.data.splits), "FAIL")
        features = shared_features(opened.data.splits)
        yield from _shared("the same features", features, "note") if features is not None else ()


def audit_features(
    folder: Path, stems: Sequence[str], entry: Published | None, captions: Path | None
) -> Iterator[Finding]:
    """Checks what is special to the precomp layout.

    Args:
        folder: folder of the set.
        stems: common beginnings of file names, by split.
        entry: what is published of the set.
        captions: Karpathy's JSON, to compare the order of captions with.

    Raises:
        DataError: a file cannot be read.
    """
    found = {stem: read_lines(folder / f"{stem}_caps.txt") for stem in stems}
    if entry is not None:
        yield from (
            _count(stem, len(lines) // CAPTIONS, entry.images[stem])
            for stem, lines in found.items()
        )
    yield from _against_json(found, entry, captions)
    ids = {stem: read_lines(path) for stem in stems if (path := folder / f"{stem}_{IDS}").is_file()}
    if len(ids) == len(stems):
        yield from _shared("the same id", shared_ids(ids), "FAIL")
    manifest = read_manifest(folder)
    if manifest is not None:
        damage = list(damaged_files(folder, manifest))
        yield from (Finding("FAIL", text) for text in damage)
        if not damage:
            files = len(manifest["files"])
            yield Finding("ok", f"all {files} files have the SHA-256 with which they were prepared")


def entry_for(name: str, folder: Path) -> Published | None:
    """What is published of a set in the precomp layout: by its name, else by its manifest."""
    manifest = read_manifest(folder)
    return SETS.get(name) or (SETS.get(manifest["dataset"]) if manifest else None)


def _count(stem: str, images: int, published: tuple[int, ...]) -> Finding:
    expected = " or ".join(f"{number:,}" for number in published)
    if images not in published:
        return Finding("FAIL", f"{stem} has {images:,} images, published are {expected}")
    limit = LIMITS.get(stem, images)
    used = f"; validation uses the first {limit:,}" if limit < images else ""
    return Finding(
        "ok", f"{stem} has {images:,} images, as published, with {CAPTIONS} captions each{used}"
    )


def _against_json(
    found: Mapping[str, list[str]], entry: Published | None, captions: Path | None
) -> Iterator[Finding]:
    """Whether the captions are those of the JSON, in its order."""
    if captions is None:
        if entry is not None:
            yield Finding(
                "note", f"order of captions not compared: give --captions {entry.json_name}"
            )
        return
    if entry is None:
        raise DataError(
            f"{captions} cannot be compared: its splits are known for {', '.join(SETS)} only, "
            "expected one of these data sets"
        )
    known = {split.stem: split.captions for split in read_karpathy(captions, entry)}
    known["test"] = known.get("test", known[entry.outputs[-1]])
    for stem, lines in found.items():
        if (other := first_other(lines, known[stem])) is None:
            yield Finding("ok", f"{stem}_caps.txt has the captions of {captions.name} in its order")
        else:
            number, expected = other
            yield Finding(
                "FAIL",
                f"{stem}_caps.txt, line {number}, is {lines[number - 1][:60]!r}, {captions.name} "
                f"has {repr(expected[:60]) if expected else 'no more captions'}",
            )


def _shared(
    what: str, shared: Sequence[tuple[Place, Place]], verdict: Literal["FAIL", "note"]
) -> Iterator[Finding]:
    if shared:
        (split, image), (other, first) = shared[0]
        yield Finding(
            verdict,
            f"{len(shared):,} images have {what} as one of another split: image {image} of "
            f"{split} and image {first} of {other}",
        )
    else:
        yield Finding("ok", f"no image has {what} as one of another split")


def shared_ids(ids: Mapping[str, Sequence[str]]) -> list[tuple[Place, Place]]:
    """Images whose id an earlier split has too. Where every split counts its images from 0, ids are
    no identity, and none is shared.
    """
    if all(list(names) == [str(i) for i in range(len(names))] for names in ids.values()):
        return []
    return list(_in_two_splits(ids))


def shared_captions(splits: Mapping[str, RetrievalSplit]) -> list[tuple[Place, Place]]:
    """Images all of whose captions have the words of those of an image of an earlier split, in any
    order of captions.
    """
    return list(_in_two_splits({name: _words(split) for name, split in splits.items()}))


def shared_features(splits: Mapping[str, RetrievalSplit]) -> list[tuple[Place, Place]] | None:
    """Images whose features are, bit for bit, those of an image of an earlier split; None when
    there are no feature arrays of plain numbers to compare.

    The first local feature of every image is read, and the others of those that agree in it.
    """
    arrays = {
        name: array
        for name, split in splits.items()
        if isinstance(array := _stored(split), np.ndarray)
    }
    if len(arrays) < len(splits):
        return None
    alike = _in_two_splits({name: _first_features(array) for name, array in arrays.items()})
    return [
        (here, there)
        for here, there in alike
        if np.array_equal(arrays[here[0]][here[1]], arrays[there[0]][there[1]])
    ]


def _stored(split: RetrievalSplit) -> object:
    """The features as they are stored."""
    return (
        split.features.values if isinstance(split.features, QuantisedFeatures) else split.features
    )


def _words(split: RetrievalSplit) -> Iterator[Hashable]:
    """The words of all captions of each image."""
    order = np.argsort(split.text_to_image, kind="stable")
    bounds = np.searchsorted(split.text_to_image[order], np.arange(len(split.lengths) + 1))
    for image in range(len(split.lengths)):
        own = order[bounds[image] : bounds[image + 1]]
        yield tuple(sorted(" ".join(tokenise(split.captions[i])) for i in own))


def _first_features(array: np.ndarray) -> Iterator[Hashable]:
    """A hash of the first local feature of each image."""
    mapping = _mapping(array)
    for start in range(0, len(array), _BLOCK):
        for row in np.ascontiguousarray(array[start : start + _BLOCK, 0]):
            yield hashlib.blake2b(row.data, digest_size=16).digest()
        if mapping is not None:
            # Or the pages of an array of 17 GB would count as this process's memory
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    """The file mapping that an array is a view of."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def _in_two_splits(keys: Mapping[str, Iterable[Hashable]]) -> Iterator[tuple[Place, Place]]:
    """Each image whose key an earlier split has, and the first such image there."""
    first: dict[Hashable, Place] = {}
    for split, own in keys.items():
        for image, key in enumerate(own):
            other = first.setdefault(key, (split, image))
            if other[0] != split:
                yield (split, image), other
