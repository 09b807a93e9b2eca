"""Laws that do not look at the model: uniform and by popularity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.draws import LawSampler, tables
from vsebench.kernels.negatives import below, unit
from vsebench.plugin import DrawKernel

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.draws import Case, Found, Request
    from vsebench.plugin import Positives, SamplerState

_LARGEST = 2.0**24  # weight of the most popular label, where weights are not counts


class Uniform(LawSampler):
    """`uniform`: every label that the image does not have is equally likely."""

    reads_vectors = False

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.sampling.laws_numba import uniform

        return DrawKernel(uniform, tables())

    def draw(self, request: Request) -> Found:
        labels = request.index.nth(request.images, below(request.streams, request.free))
        return labels, torch.ones_like(labels), torch.ones_like(labels, dtype=torch.float32)

    def mass(self, case: Case) -> np.ndarray:
        return np.ones(len(case.Q))


class Popularity(LawSampler):
    """`popularity`: a label's weight is (training images + 1) ^ power, so that every label can be
    drawn.

    Weights are integers: counts themselves for power 1, else multiples of 2⁻²⁴ of the largest (at
    least one). Sums are therefore exact, and a draw is one inversion of the cumulative weights with
    the image's positives cut out, without rejection.

    Args:
        power: 1 is proportional to counts, 0 is uniform.
    """

    reads_vectors = False

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.power = power
        self._cumulative = np.zeros(0)
        self._tables: _CutTables | None = None

    def refresh(self, state: SamplerState) -> None:
        super().refresh(state)
        if (
            self._tables is None
            or self._tables.positives is not state.positives
            or self._tables.device != state.Q.device
        ):
            self._cumulative = np.concatenate([[0.0], np.cumsum(self.weights(state.positives))])
            self._tables = _CutTables(state.positives, self._cumulative, state.Q.device)

    def weights(self, positives: Positives) -> np.ndarray:
        """Integers as float64 [A]."""
        weights: np.ndarray = (positives.popularity() + 1.0) ** self.power
        return (
            weights
            if self.power == 1
            else np.maximum(np.rint(weights / weights.max() * _LARGEST), 1)
        )

    def kernel(self) -> DrawKernel:
        from vsebench_plugins.sampling.laws_numba import popularity

        return DrawKernel(popularity, tables(numbers=self._cumulative))

    def draw(self, request: Request) -> Found:
        assert self._tables is not None, "refresh comes before the first draw"
        labels = self._tables.invert(request.images, request.streams)
        return labels, torch.ones_like(labels), torch.ones_like(labels, dtype=torch.float32)

    def mass(self, case: Case) -> np.ndarray:  # noqa: ARG002  # the law is the same for all
        return np.diff(self._cumulative)


class _CutTables:
    """Cumulative weights on a device, and for every pair (image, label) the weight of the image's
    negatives below that label.
    """

    def __init__(self, positives: Positives, cumulative: np.ndarray, device: torch.device) -> None:
        self.positives = positives
        self.device = device
        self._cumulative = torch.from_numpy(cumulative.astype(np.int64)).to(device)
        self._stride = int(cumulative[-1]) + 1
        own = np.diff(cumulative).astype(np.int64)[positives.labels]
        above = np.concatenate([[0], np.cumsum(own)])  # weights of all pairs before each pair
        start = above[positives.offsets]
        images = positives.images()
        cut = cumulative.astype(np.int64)[positives.labels] - (above[:-1] - start[images])
        self._cuts = torch.from_numpy(images * self._stride + cut).to(device)
        self._above, self._start = (
            torch.from_numpy(above).to(device),
            torch.from_numpy(start).to(device),
        )

    def invert(self, images: Tensor, words: Tensor) -> Tensor:
        """The labels [B, k] at the levels that the words [B, k] name, among the negatives of the
        images [B, 1].
        """
        mass = self._stride - 1 - (self._start[images + 1] - self._start[images])
        level = (unit(words) * mass).long()
        passed = torch.searchsorted(self._cuts, images * self._stride + level, right=True)
        level = level + self._above[passed] - self._start[images]
        return torch.searchsorted(self._cumulative, level, right=True) - 1
