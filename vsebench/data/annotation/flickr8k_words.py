"""Flickr8k as an annotation set: an image's labels are the words of its captions."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from vsebench.data.annotation.hold_out import leave_one_out
from vsebench.data.annotation.pooled import PooledFeatures
from vsebench.data.flickr8k import CAPTIONS, Flickr8k
from vsebench.data.vocabulary import tokenise
from vsebench.plugin import AnnotationData, AnnotationSplit, Positives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.data.annotation.pooled import Pooling
    from vsebench.plugin import FeatureArray, RetrievalSplit


class Flickr8kWords:
    """The words of an image's five captions, over the official split or with words held out.

    Labels are the words of the training images' captions, in alphabetical order; other words of dev
    and test images are passed over.

    Args:
        split: `official` divides the images, which are known by their features; `leave-one-out`
            divides the words of all 8,000 images, which are known by their row, as in the paper of
            VSE-ens.
        features: one vector of an image, see `PooledFeatures`; not used by `leave-one-out`.
        dim: principal components of the grid features that are used.
        seed: of the words that `leave-one-out` holds out.
    """

    def __init__(
        self,
        split: Literal["official", "leave-one-out"] = "official",
        features: Pooling = "mean",
        dim: int = 256,
        seed: int = 0,
    ) -> None:
        self.split = split
        self.features = features
        self.seed = seed
        self._source = Flickr8k(dim=dim)

    def files(self, root: Path) -> list[Path]:
        return list(self._source.files(root))

    def load(self, root: Path) -> AnnotationData:
        splits = self._source.load(root).splits
        words = {name: _words(split) for name, split in splits.items()}
        if self.split == "leave-one-out":
            every = list(chain.from_iterable(words.values()))
            names = sorted(set().union(*every))
            return leave_one_out(_positives(every, names), self.seed, names)
        names = sorted(set().union(*words["train"]))
        return AnnotationData(
            {name: self._split(split, words[name], names) for name, split in splits.items()},
            len(names),
            names,
            aligned=False,
        )

    def _split(
        self, split: RetrievalSplit, words: Sequence[set[str]], names: Sequence[str]
    ) -> AnnotationSplit:
        return AnnotationSplit(
            _positives(words, names),
            PooledFeatures(cast("FeatureArray", split.features), self.features),
        )


def _words(split: RetrievalSplit) -> list[set[str]]:
    """The words of each image's captions."""
    captions = split.captions
    return [
        set(chain.from_iterable(map(tokenise, captions[i : i + CAPTIONS])))
        for i in range(0, len(captions), CAPTIONS)
    ]


def _positives(words: Sequence[set[str]], names: Sequence[str]) -> Positives:
    number = {name: i for i, name in enumerate(names)}
    labels = [[number[word] for word in row if word in number] for row in words]
    images = np.repeat(np.arange(len(labels)), [len(row) for row in labels])
    return Positives.from_pairs(
        images,
        np.fromiter(chain.from_iterable(labels), np.int64, len(images)),
        len(words),
        len(names),
    )
