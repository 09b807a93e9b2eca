"""Where scores come from: inner products of factors, ranked exactly, or any function, ranked by
what it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.tile_count import Band
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

    from vsebench.kernels.rows import Rows

    ScoreFunction = Callable[[np.ndarray], np.ndarray | Tensor]


class Scores(Protocol):
    """Scores of all labels, a tile of images at a time."""

    device: torch.device

    def tile(self, images: Tensor) -> Tensor:
        """[b, labels] of the images [b], without NaN; the caller may write to it until the next
        call.
        """
        ...

    def thresholds(
        self, tile: Tensor, rows: Tensor, images: Tensor, labels: Tensor
    ) -> tuple[Band, Tensor]:
        """What a negative must score to stand before each of the pairs (images[p], labels[p]),
        which are in `rows` [p] of the tile.

        Returns:
            Bands [p] in the tile's dtype, and exact scores [p] for what they leave undecided.
        """
        ...

    def exact(self, images: Tensor, labels: Tensor) -> Tensor:
        """The exact scores of pairs, [p]."""
        ...


class FactorScores:
    """Inner products of the rows of two matrices.

    Products are fp32. What their rounding leaves undecided is computed again in float64 in one
    fixed order, so that ranks are a function of the factors alone, not of block, device or threads,
    and equal rows tie.

    Args:
        images: [n, D].
        labels: [labels, D].
        compiled: use numba kernels on the CPU.
    """

    def __init__(self, images: Rows, labels: Rows, *, compiled: bool) -> None:
        self.device = images.device
        self._images = images
        self._labels = labels
        self._compiled = compiled and self.device.type == "cpu"
        self._columns = labels.block(slice(None))
        self._buffer = torch.empty(0, device=self.device)

    def tile(self, images: Tensor) -> Tensor:
        rows = self._images.take(images).to(torch.float32)
        size = len(rows) * len(self._columns)
        if len(self._buffer) < size:
            self._buffer = torch.empty(size, dtype=torch.float32, device=self.device)
        with true_float32(fast=self.device.type == "cpu"):
            return torch.mm(rows, self._columns.T, out=self._buffer[:size].view(len(rows), -1))

    def thresholds(
        self,
        tile: Tensor,  # noqa: ARG002  # the exact scores are at hand
        rows: Tensor,  # noqa: ARG002
        images: Tensor,
        labels: Tensor,
    ) -> tuple[Band, Tensor]:
        exact = self.exact(images, labels)
        return undecided(
            exact, self._images.norms[images], self._labels.norms, self._images.width, torch.float32
        ), exact

    def exact(self, images: Tensor, labels: Tensor) -> Tensor:
        return exact_scores(self._images, self._labels, images, labels, compiled=self._compiled)


class FunctionScores:
    """What a function returns for a block of images, compared as it is.

    Args:
        function: of int64 [b], the rows of images; returns [b, labels] floats.
        n_labels: number of labels.
    """

    def __init__(self, function: ScoreFunction, n_labels: int) -> None:
        self.device = torch.device("cpu")
        self._function = function
        self._n_labels = n_labels

    def tile(self, images: Tensor) -> Tensor:
        scores = torch.as_tensor(self._function(images.numpy()), device=self.device)
        if scores.shape != (len(images), self._n_labels) or not scores.is_floating_point():
            raise DataError(
                f"scores of {len(images)} images are {scores.dtype} of shape "
                f"{tuple(scores.shape)}, expected floats [{len(images)}, {self._n_labels}]"
            )
        wide = scores.detach().to(torch.promote_types(scores.dtype, torch.float32), copy=True)
        finite = wide.isfinite().all(dim=1)
        if not bool(finite.all()):
            raise DataError(
                f"image {int(images[finite.logical_not()][0])} has scores that are not finite: "
                "the model may have diverged"
            )
        return wide

    def thresholds(
        self,
        tile: Tensor,
        rows: Tensor,
        images: Tensor,  # noqa: ARG002  # the tile has their scores
        labels: Tensor,
    ) -> tuple[Band, Tensor]:
        scores = tile[rows, labels]
        below, never = torch.full_like(scores, -torch.inf), torch.full_like(scores, torch.inf)
        return Band(never, torch.nextafter(scores, below)), scores

    def exact(self, images: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002
        raise AssertionError("scores of a function leave nothing undecided")
