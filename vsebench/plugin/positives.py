"""The labels of images, in compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Positives:
    """The labels of n images, row by row (CSR).

    Attributes:
        offsets: int64 [n + 1]; image i has the labels `labels[offsets[i]:offsets[i + 1]]`.
        labels: int32 [pairs], ascending within an image, none twice.
        n_labels: number of labels; ids are 0 to n_labels - 1.
    """

    offsets: np.ndarray
    labels: np.ndarray
    n_labels: int

    @classmethod
    def from_pairs(
        cls, images: np.ndarray, labels: np.ndarray, n_images: int, n_labels: int
    ) -> Positives:
        """Sorts pairs (image, label) into rows; pairs that occur again count once.

        Args:
            images: integers [pairs], 0 to n_images - 1, in any order.
            labels: integers [pairs], 0 to n_labels - 1.
            n_images: number of rows, with or without labels.
            n_labels: number of labels.
        """
        import numpy as np

        keys = images.astype(np.int64) * n_labels + labels
        if not (keys[1:] > keys[:-1]).all():
            keys = np.sort(keys)
            # np.unique hashes, which takes ten times as long
            keys = keys[np.diff(keys, prepend=-1) > 0]
        offsets = np.searchsorted(keys, np.arange(n_images + 1, dtype=np.int64) * n_labels)
        return cls(offsets, (keys % max(n_labels, 1)).astype(np.int32), n_labels)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_pairs(self) -> int:
        """Number of pairs (image, label)."""
        return len(self.labels)

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 [n], labels of each image."""
        counts: np.ndarray = self.offsets[1:] - self.offsets[:-1]
        return counts

    def row(self, image: int) -> np.ndarray:
        """int32, the labels of one image, ascending: a view."""
        labels: np.ndarray = self.labels[self.offsets[image] : self.offsets[image + 1]]
        return labels

    def images(self) -> np.ndarray:
        """int64 [pairs], the image of each pair, in the order of `labels`."""
        import numpy as np

        return np.repeat(np.arange(len(self)), self.counts)

    def contains(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whether each image has the label: bool, of the shape to which the two integer arrays
        broadcast.

        A binary search within every row at once: as many passes over the arguments as the longest
        row among `images` has binary digits.
        """
        import numpy as np

        images, labels = np.broadcast_arrays(images, labels)
        low, end = self.offsets[images], self.offsets[images + 1]
        high = end.copy()
        last = max(len(self.labels) - 1, 0)
        stored = self.labels if len(self.labels) else np.full(1, -1, np.int32)
        for _ in range(int((end - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            right = (stored[np.minimum(middle, last)] < labels) & (low < high)
            low, high = np.where(right, middle + 1, low), np.where(right, high, middle)
        found: np.ndarray = (low < end) & (stored[np.minimum(low, last)] == labels)
        return found

    def pick(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A label of each image, int64 [k], every one of the image's with equal chances.

        Raises:
            ValueError: an image has none.
        """
        import numpy as np

        counts = self.counts[images]
        if not counts.all():
            raise ValueError(f"image {images[np.argmin(counts)]} has no label to pick")
        places = self.offsets[images] + (rng.random(len(images)) * counts).astype(np.int64)
        picked: np.ndarray = self.labels[places].astype(np.int64)
        return picked

    def popularity(self) -> np.ndarray:
        """int64 [n_labels], images of each label."""
        import numpy as np

        return np.bincount(self.labels, minlength=self.n_labels)

    def select(self, images: np.ndarray) -> Positives:
        """The rows of some images, in the order given: int64 [k]."""
        import numpy as np

        counts = self.counts[images]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        shift = np.repeat(self.offsets[images] - offsets[:-1], counts)
        return Positives(offsets, self.labels[np.arange(offsets[-1]) + shift], self.n_labels)

    def union(self, other: Positives) -> Positives:
        """The labels that an image has in either; both of the same images and labels.

        Raises:
            ValueError: they differ in images or labels.
        """
        import numpy as np

        if (len(self), self.n_labels) != (len(other), other.n_labels):
            raise ValueError(
                f"positives of {len(self)} × {self.n_labels} and of {len(other)} × "
                f"{other.n_labels} are not of the same images and labels"
            )
        images = np.concatenate([self.images(), other.images()])
        return Positives.from_pairs(
            images, np.concatenate([self.labels, other.labels]), len(self), self.n_labels
        )
