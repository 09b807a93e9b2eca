"""All queries of an evaluation, in both directions: their thresholds, and the counts of competitors
that reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.bounds import undecided
from vsebench.kernels.exact_scores import exact_scores

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows
    from vsebench.kernels.tile_count import Band


@dataclass(frozen=True)
class Queries:
    """Every image is a query for captions, and every caption one for images.

    Attributes:
        images: n embeddings.
        texts: m embeddings.
        owner: int64 [m], each caption's image.
        image_threshold: float64 [n], the exact score of each image with the best of its captions.
        text_threshold: float64 [m], the exact score of each caption with its image.
        image_rank: int64 [n], competitors found so far at or above the threshold.
        text_rank: int64 [m].
        compiled: use numba kernels on the CPU.
    """

    images: Rows
    texts: Rows
    owner: Tensor
    image_threshold: Tensor
    text_threshold: Tensor
    image_rank: Tensor
    text_rank: Tensor
    compiled: bool

    @classmethod
    def start(cls, images: Rows, texts: Rows, owner: Tensor, *, compiled: bool) -> Queries:
        """Scores every caption with its own image; no competitor is counted yet."""
        positive = exact_scores(
            images, texts, owner, torch.arange(len(texts), device=owner.device), compiled=compiled
        )
        best = torch.full(
            (len(images),), -torch.inf, dtype=torch.float64, device=owner.device
        ).scatter_reduce_(0, owner, positive, "amax")
        image_rank, text_rank = torch.zeros_like(best, dtype=torch.int64), torch.zeros_like(owner)
        return cls(images, texts, owner, best, positive, image_rank, text_rank, compiled)

    def bands(self, rows: slice, columns: slice, dtype: torch.dtype) -> tuple[Band, Band]:
        """What scores of a tile, computed in `dtype`, leave undecided: for its images and for its
        captions.
        """
        images, texts = self.images.norms[rows], self.texts.norms[columns]
        depth = self.images.width
        return (
            undecided(self.image_threshold[rows], images, texts, depth, dtype),
            undecided(self.text_threshold[columns], texts, images, depth, dtype),
        )

    def drop_positives(self, tile: Tensor, rows: slice, columns: slice) -> None:
        """Takes matching pairs out of a tile of scores, by index and not by value."""
        owner = self.owner[columns] - rows.start
        column = ((owner >= 0) & (owner < len(tile))).nonzero().squeeze(1)
        tile[owner[column], column] = -torch.inf
