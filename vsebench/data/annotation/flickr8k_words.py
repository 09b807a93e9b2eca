"""Flickr8k as an annotation set: an image's labels are the words of its captions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from vsebench.data.annotation.hold_out import leave_one_out
from vsebench.data.flickr8k import CAPTIONS, Flickr8k
from vsebench.data.words import tokenise
from vsebench.plugin import AnnotationData, AnnotationSplit, Positives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.plugin import FeatureArray, RetrievalSplit

Pooling = Literal["mean", "grid"]

_BLOCK = 256  # images read at a time


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """Local features [n, N, d], every one valid, as [n, d'] float32.

    Attributes:
        base: the local features.
        pooling: `mean` of the local features, d' = d; `grid`, one after the other, d' = N · d.
    """

    base: FeatureArray
    pooling: Pooling

    @property
    def shape(self) -> tuple[int, ...]:
        images, positions, dim = self.base.shape
        return (images, dim if self.pooling == "mean" else positions * dim)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice, /) -> np.ndarray:
        rows = np.arange(len(self))[index]
        out = np.empty((len(rows), self.shape[1]), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            local = np.asarray(self.base[rows[part]], np.float32)
            out[part] = (
                local.mean(axis=1) if self.pooling == "mean" else local.reshape(len(local), -1)
            )
        return out


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
        seed: seed of the words that `leave-one-out` holds out.
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
        annotated = {}
        for name, split in splits.items():
            local = cast("FeatureArray", split.features)
            features = PooledFeatures(local, self.features)
            annotated[name] = AnnotationSplit(_positives(words[name], names), features)
        return AnnotationData(annotated, len(names), names, aligned=False)


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
