"""The splits that a run reads, where the protocol holds training images out to stand in for dev."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.feature_arrays import RowSelection, select_rows
from vsebench.plugin import ImageSource

if TYPE_CHECKING:
    from vsebench.plugin import RetrievalData, RetrievalSplit
    from vsebench.results.protocol import Protocol

SECOND = "second"
"""The split, beside test, that a finished run is counted on."""


def splits_of(data: RetrievalData, protocol: Protocol) -> dict[str, RetrievalSplit]:
    """A run's splits: `train`, `dev` and `test`, and `SECOND` where it is evaluated on two.

    Which images are held out depends on the size of the training split alone, so that all runs on a
    data set hold out the same.

    Args:
        data: an opened set.
        protocol: sets the number of held-out images, fewer than there are.
    """
    found = {name: data.splits[name] for name in ("train", "dev", "test")}
    if not protocol.tune_images:
        return found
    train = found["train"]
    order = np.random.default_rng(0).permutation(len(train.lengths))
    held, rest = np.sort(order[: protocol.tune_images]), np.sort(order[protocol.tune_images :])
    if protocol.evaluate_on == "dev+test":
        found[SECOND] = found["dev"]
    return {**found, "train": selected(train, rest), "dev": selected(train, held)}


def selected(split: RetrievalSplit, images: np.ndarray) -> RetrievalSplit:
    """Some images of a split with their captions, which stay in order.

    Args:
        split: the split.
        images: int64 [k], ascending.
    """
    place = np.full(len(split.lengths), -1)
    place[images] = np.arange(len(images))
    owner = place[split.text_to_image]
    features = split.features
    return replace(
        split,
        features=SomeImages(features, images)
        if isinstance(features, ImageSource)
        else select_rows(features, images)
        if isinstance(features, np.ndarray)
        else RowSelection(features, images),
        lengths=split.lengths[images],
        captions=[split.captions[i] for i in np.flatnonzero(owner >= 0).tolist()],
        text_to_image=owner[owner >= 0],
    )


@dataclass(frozen=True, eq=False)
class SomeImages:
    """Some of a source's raw images.

    Attributes:
        source: the source.
        images: int64 [n], which of its images.
    """

    source: ImageSource
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> bytes:
        """See `ImageSource`."""
        return self.source.read(int(self.images[index]))

    def where(self, index: int) -> str:
        """See `ImageSource`."""
        return self.source.where(int(self.images[index]))

    def stamp(self) -> str:
        """See `ImageSource`."""
        stamp = self.source.stamp()
        rows = self.images.astype("<i8").tobytes()
        return hashlib.sha256(stamp.encode() + rows).hexdigest() if stamp else ""
