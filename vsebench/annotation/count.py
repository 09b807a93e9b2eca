"""The number of negatives before each positive: scores of all labels, a tile of images at a time
(inner products of factors, ranked exactly, or those of any function), and the counting, in memory
bounded by the block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_dot import exact_scores
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.tile_count import Band
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.plugin import Positives

    ScoreFunction = Callable[[np.ndarray], np.ndarray | Tensor]


_NEAR = 1 << 16
"""Undecided pairs that are settled at a time, or one image's labels if they are more."""

_GATHERED = 1 << 22
"""Scores that the path without numba copies at a time."""


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
        """The scores from which a negative stands before the pairs (images[p], labels[p]), which
        are in `rows` [p] of the tile.

        Returns:
            Bands [p] in the tile's dtype, and exact scores [p] for the scores that they leave
            undecided.
        """
        ...

    def exact(self, images: Tensor, labels: Tensor) -> Tensor:
        """The exact scores of pairs, [p]."""
        ...


class FactorScores:
    """Inner products of the rows of two matrices.

    Products are fp32. Pairs that their rounding leaves undecided are computed again in float64 in
    one fixed order, so that ranks are a function of the factors alone, not of block, device or
    threads, and equal rows tie.

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
    """The scores that a function returns for a block of images, compared without tolerance.

    Args:
        function: function of int64 [b], the rows of images; returns [b, labels] floats.
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


class Pairs(NamedTuple):
    """The positives of a tile: `rows` int64 [p] of the tile, `images` int64 [p] and `labels` int64
    [p].
    """

    rows: Tensor
    images: Tensor
    labels: Tensor


class Queries(NamedTuple):
    """Images whose positives are ranked.

    Attributes:
        images: int64 [q], the rows to score.
        positives: positives of these q images.
        hidden: labels of these q images that compete with no positive: the positives themselves and
            what is known from training.
    """

    images: np.ndarray
    positives: Positives
    hidden: Positives


def count_above(scores: Scores, queries: Queries, block: int, *, compiled: bool) -> np.ndarray:
    """The number of labels, hidden ones excluded, that score at least as high as each positive of
    their image.

    Args:
        scores: scores of all labels.
        queries: images and positives to rank.
        block: images at a time.
        compiled: use the numba kernel on the CPU.

    Returns:
        int64 [pairs], in the order of `positives.labels`.
    """
    images, positives, hidden = queries
    above = torch.zeros(positives.n_pairs, dtype=torch.int64, device=scores.device)
    count = _count_compiled if compiled and scores.device.type == "cpu" else _count
    for start in range(0, len(images), block):
        part = slice(start, min(start + block, len(images)))
        members = torch.from_numpy(images[part]).to(scores.device)
        tile = scores.tile(members)
        rows, labels = (index.to(scores.device) for index in _pairs(positives, part))
        pairs = Pairs(rows, members[rows], labels)
        band, exact = scores.thresholds(tile, *pairs)
        tile[tuple(index.to(scores.device) for index in _pairs(hidden, part))] = -torch.inf
        counts = above[positives.offsets[part.start] : positives.offsets[part.stop]]
        for pair, label in count(tile, rows, band, counts):
            reached = scores.exact(pairs.images[pair], label) >= exact[pair]
            counts.index_add_(0, pair, reached.long())
    return above.cpu().numpy()


def _pairs(positives: Positives, part: slice) -> tuple[Tensor, Tensor]:
    """Row within the part, and label, of each pair of some consecutive images."""
    offsets = positives.offsets[part.start : part.stop + 1]
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return torch.from_numpy(rows), torch.from_numpy(
        positives.labels[offsets[0] : offsets[-1]].astype(np.int64)
    )


def _count(
    tile: Tensor, rows: Tensor, band: Band, counts: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Adds to `counts` [p] the scores of each pair's row above its band; yields the pairs and
    labels that are undecided.
    """
    step = max(1, _GATHERED // tile.shape[1])
    for start in range(0, len(rows), step):
        chosen = slice(start, start + step)
        scores = tile[rows[chosen]]
        above = scores > band.upper[chosen, None]
        counts[chosen] += above.sum(dim=1)
        pair, label = ((scores >= band.lower[chosen, None]) & ~above).nonzero(as_tuple=True)
        if len(pair):
            yield pair + start, label


def _count_compiled(
    tile: Tensor, rows: Tensor, band: Band, counts: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `_count`."""
    from vsebench.annotation.count_numba import count_pairs

    near = np.empty((max(_NEAR, tile.shape[1]), 2), np.int64)
    arrays = (tile.numpy(), rows.numpy(), band.lower.numpy(), band.upper.numpy())
    done = 0
    while done < len(rows):
        done, found = count_pairs(*arrays, done, counts.numpy(), near)
        if found:
            pair, label = torch.from_numpy(near[:found]).unbind(1)
            yield pair, label
