"""The labels that an image does not have, by rank, without a matrix [images, labels]."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin.keys import UNIT, mantissa

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import Positives

__all__ = ("NegativeIndex", "below", "unit")


def unit(words: Tensor) -> Tensor:
    """The numbers of words in [0, 1), float64."""
    return mantissa(words).double() * UNIT


def below(words: Tensor, sizes: Tensor | int) -> Tensor:
    """The integers of words, int64, from 0 to `sizes` − 1, of the shape to which both broadcast."""
    return (unit(words) * sizes).long()


class NegativeIndex:
    """Searches the positives of n images and A labels on a device.

    Each lookup is one binary search over all pairs (image, label): they are ordered by image and
    then by label.

    Args:
        positives: the labels of each image.
        device: where lookups are made.
    """

    def __init__(self, positives: Positives, device: torch.device) -> None:
        self.positives = positives
        self._stride = positives.n_labels + 1
        self._offsets = torch.from_numpy(positives.offsets.astype(np.int64)).to(device)

    def matches(self, positives: Positives, device: torch.device) -> bool:
        """Whether it was made from these positives for this device."""
        return self.positives is positives and self._offsets.device == device

    def free(self, images: Tensor) -> Tensor:
        """int64, the number of labels that each image does not have."""
        return self.positives.n_labels - (self._offsets[images + 1] - self._offsets[images])

    def nth(self, images: Tensor, ranks: Tensor) -> Tensor:
        """The label of each rank, from 0, among those that the image does not have: int64, of the
        shape to which both broadcast.
        """
        keys = images * self._stride + ranks
        before = torch.searchsorted(self._gaps, keys, right=True) - self._offsets[images]
        return ranks + before

    def contains(self, images: Tensor, labels: Tensor) -> Tensor:
        """Whether each image has the label: bool, of the shape to which both broadcast."""
        keys = images * self._stride + labels
        found: Tensor = self._pairs[torch.searchsorted(self._pairs, keys)] == keys
        return found

    @property
    def _rows(self) -> Tensor:
        counts = self._offsets[1:] - self._offsets[:-1]
        # The number of pairs is known: on CUDA the host would wait to learn it
        return torch.repeat_interleave(counts, output_size=len(self.positives.labels))

    @property
    def _labels(self) -> Tensor:
        return torch.from_numpy(self.positives.labels.astype(np.int64)).to(self._offsets.device)

    @cached_property
    def _pairs(self) -> Tensor:
        """The keys of all pairs, ascending, with an end that no key reaches."""
        return torch.nn.functional.pad(
            self._rows * self._stride + self._labels, (0, 1), value=2**62
        )

    @cached_property
    def _gaps(self) -> Tensor:
        """For each label, the number of labels below it that its image does not have."""
        rows, labels = self._rows, self._labels
        within = torch.arange(len(labels), device=labels.device) - self._offsets[rows]
        return rows * self._stride + labels - within
