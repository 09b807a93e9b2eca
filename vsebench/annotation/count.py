"""Counts the negatives that stand before each positive, in blocks of images: memory is bounded by
the block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vsebench.annotation.scores import Scores
    from vsebench.kernels.tile_count import Band
    from vsebench.plugin import Positives

_NEAR = 1 << 16
"""Undecided pairs that are settled at a time, or one image's labels where they are more."""

_GATHERED = 1 << 22
"""Scores that the path without numba copies at a time."""


class Pairs(NamedTuple):
    """The positives of a tile: `rows` int64 [p] of the tile, `images` int64 [p] and `labels` int64
    [p].
    """

    rows: Tensor
    images: Tensor
    labels: Tensor


def count_above(
    scores: Scores,
    images: np.ndarray,
    positives: Positives,
    hidden: Positives,
    block: int,
    *,
    compiled: bool,
) -> np.ndarray:
    """How many labels that are not hidden score at least as high as each positive of its image.

    Args:
        scores: of all labels.
        images: int64 [q], the rows to score.
        positives: of these q images.
        hidden: of these q images, labels that compete with no positive: the positives themselves
            and what is known from training.
        block: images at a time.
        compiled: use the numba kernel on the CPU.

    Returns:
        int64 [pairs], in the order of `positives.labels`.
    """
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
