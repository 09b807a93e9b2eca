"""Images that are in two splits, told by ids, captions or features."""

from __future__ import annotations

import hashlib
import mmap
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_arrays import QuantisedFeatures
from vsebench.data.vocabulary import tokenise

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from vsebench.plugin import RetrievalSplit

    Place = tuple[str, int]
    """A split, and the number of an image in it."""

_BLOCK = 256


def shared_ids(ids: Mapping[str, Sequence[str]]) -> list[tuple[Place, Place]]:
    """Images whose id an earlier split has too. Where every split counts its images from 0, ids are
    no identity, and none is shared.
    """
    if all(list(names) == [str(i) for i in range(len(names))] for names in ids.values()):
        return []
    return list(_shared(ids))


def shared_captions(splits: Mapping[str, RetrievalSplit]) -> list[tuple[Place, Place]]:
    """Images all of whose captions have the words of those of an image of an earlier split, in any
    order of captions.
    """
    return list(_shared({name: _words(split) for name, split in splits.items()}))


def shared_features(splits: Mapping[str, RetrievalSplit]) -> list[tuple[Place, Place]] | None:
    """Images whose features are, bit for bit, those of an image of an earlier split; None when
    there are no tables of plain numbers to compare.

    The first local feature of every image is read, and the others of those that agree in it.
    """
    tables = {
        name: table
        for name, split in splits.items()
        if isinstance(table := _stored(split), np.ndarray)
    }
    if len(tables) < len(splits):
        return None
    alike = _shared({name: _first_features(table) for name, table in tables.items()})
    return [
        (here, there)
        for here, there in alike
        if np.array_equal(tables[here[0]][here[1]], tables[there[0]][there[1]])
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


def _first_features(table: np.ndarray) -> Iterator[Hashable]:
    """A hash of the first local feature of each image."""
    mapping = _mapping(table)
    for start in range(0, len(table), _BLOCK):
        for row in np.ascontiguousarray(table[start : start + _BLOCK, 0]):
            yield hashlib.blake2b(row.data, digest_size=16).digest()
        if mapping is not None:
            # Or the pages of a table of 17 GB would count as this process's memory
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(table: np.ndarray) -> mmap.mmap | None:
    """The file mapping that an array is a view of."""
    base: object = table
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def _shared(keys: Mapping[str, Iterable[Hashable]]) -> Iterator[tuple[Place, Place]]:
    """Each image whose key an earlier split has, and the first such image there."""
    first: dict[Hashable, Place] = {}
    for split, own in keys.items():
        for image, key in enumerate(own):
            other = first.setdefault(key, (split, image))
            if other[0] != split:
                yield (split, image), other
