"""Captions of different images that are equal word for word, as reports and templates have them.

By default such a caption is a negative of every image but its own, and since equal captions get
equal scores, no model ranks all of them right: `perfect` is the upper bound. With
`equal_captions` of `vsebench.retrieval.evaluate` each matches the images of all its equals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.words import tokenise
from vsebench.retrieval.ranking.judgements import Judgements
from vsebench.retrieval.ranking.metrics import Ranks, RetrievalMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    BestRanks = Callable[[Judgements], np.ndarray]

_PAIRS = 1 << 21
"""Matching pairs in memory at a time, one query's at least."""


def groups_of(captions: Sequence[str]) -> np.ndarray:
    """Numbers captions so that those with the same words, whatever their case and marks, have the
    same number; int64 [m]. A caption without words is its text.
    """
    numbers: dict[object, int] = {}
    return np.array(
        [numbers.setdefault(tuple(tokenise(text)) or text, len(numbers)) for text in captions],
        np.int64,
    )


@dataclass(frozen=True, eq=False)
class Shared:
    """Captions that have an equal of another image.

    Attributes:
        captions: number of them.
        images: number of images that have one.
    """

    captions: int
    images: int


def shared(owner: np.ndarray, groups: np.ndarray) -> Shared:
    """Counts the captions that have an equal of another image.

    Args:
        owner: int64 [m], the image of each caption.
        groups: int64 [m], as `groups_of` gives it.
    """
    pairs = np.unique(np.stack([groups, owner], axis=1), axis=0)
    several = np.bincount(pairs[:, 0], minlength=int(groups.max(initial=-1)) + 1) > 1
    affected = several[groups]
    return Shared(int(affected.sum()), len(np.unique(owner[affected])))


def perfect(owner: np.ndarray, groups: np.ndarray) -> RetrievalMetrics:
    """The best metrics that any model can get if equal captions of other images are negatives.

    An image's best caption ties with its equals of other images, which count against it; of the
    images that share a text, a model can put one first, the next second, and so on.

    Args:
        owner: int64 [m], the image of each caption.
        groups: int64 [m], as `groups_of` gives it.
    """
    pairs, pair_of, copies = np.unique(
        np.stack([groups, owner], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    pair_of = pair_of.reshape(-1)
    sizes = np.bincount(groups)
    others = sizes[pairs[:, 0]] - copies
    image = np.full(int(owner.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(image, pairs[:, 1], others)
    # the images of a text, those with most of its copies first
    order = np.lexsort((-copies, pairs[:, 0]))
    place = np.empty(len(pairs), np.int64)
    place[order] = np.arange(len(pairs)) - np.searchsorted(pairs[order, 0], pairs[order, 0])
    return RetrievalMetrics.from_ranks(Ranks(image, place[pair_of]))


def ranks_with_equals(
    owner: np.ndarray, groups: np.ndarray, images: int, best: tuple[BestRanks, BestRanks]
) -> Ranks:
    """Ranks from 0 where a caption matches the images of all its equals.

    Args:
        owner: int64 [m], the image of each caption.
        groups: int64 [m], as `groups_of` gives it.
        images: number of images.
        best: functions that rank captions for images, and images for captions: given which items
            match which queries, how many of the others score at least as high as the best match.
    """
    texts_of_image = _Lists(owner, groups)
    captions_of_text = _Lists(groups, np.arange(len(groups)))
    images_of_text = _Lists(groups, owner)
    return Ranks(
        np.concatenate(
            [
                best[0](judged)
                for judged in _judgements(
                    images, lambda image: captions_of_text.all_of(texts_of_image.of(image))
                )
            ]
        ),
        np.concatenate(
            [
                best[1](judged)
                for judged in _judgements(
                    len(groups), lambda caption: images_of_text.of(groups[caption])
                )
            ]
        ),
    )


class _Lists:
    """The distinct values that belong to each key."""

    def __init__(self, keys: np.ndarray, values: np.ndarray) -> None:
        pairs = np.unique(np.stack([keys, values], axis=1), axis=0)
        self._values = pairs[:, 1]
        self._starts = np.searchsorted(pairs[:, 0], np.arange(int(keys.max(initial=-1)) + 2))

    def of(self, key: int) -> np.ndarray:
        return self._values[self._starts[key] : self._starts[key + 1]]

    def all_of(self, keys: np.ndarray) -> np.ndarray:
        return np.concatenate([self.of(key) for key in keys])


def _judgements(queries: int, matches: Callable[[int], np.ndarray]) -> Iterator[Judgements]:
    """Each query's matches, for a block of queries at a time."""
    first, found, pairs = 0, list[np.ndarray](), 0
    for query in range(queries):
        found.append(np.sort(matches(query)))
        pairs += len(found[-1])
        if pairs >= _PAIRS or query == queries - 1:
            sizes = [len(items) for items in found]
            yield Judgements(
                np.arange(first, query + 1),
                np.concatenate([[0], np.cumsum(sizes)]),
                np.concatenate(found),
                np.ones(pairs),
            )
            first, found, pairs = query + 1, [], 0
