"""Ranks under a similarity other than the inner product.

Nothing is known of a similarity's rounding, hence no exactness here: it is computed in float64, in
blocks, and competitors that score within a relative 1e-9 of the best match count as ties, against
the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.plugin.errors import DataError
from vsebench.retrieval.ranking.scored.items import as_float64

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.scored.items import Items

_TIE = 1e-9  # relative to a score, and absolute below scores of 1


def scored_ranks(
    images: Items, texts: Items, owner: Tensor, similarity: Similarity, block: int
) -> tuple[Tensor, Tensor]:
    """Ranks of all images among captions, and of all captions among images, from 0.

    Args:
        images: n embeddings.
        texts: m embeddings.
        owner: int64 [m], the image of each caption; every image has one at least.
        similarity: called with float64 blocks; of a module, a float64 copy in evaluation mode.
        block: images, and captions, per tile.

    Returns:
        int64 [n] and int64 [m].

    Raises:
        DataError: a score is not finite.
    """
    similarity = as_float64(similarity)
    text_threshold = _positive_scores(images, texts, owner, similarity, block)
    image_threshold = torch.full(
        (len(images),), -torch.inf, dtype=torch.float64, device=owner.device
    ).scatter_reduce_(0, owner, text_threshold, "amax")
    image_rank, text_rank = (
        torch.zeros_like(image_threshold, dtype=torch.int64),
        torch.zeros_like(owner),
    )
    for columns in torch.split(torch.arange(len(texts), device=owner.device), block):
        for rows in torch.split(torch.arange(len(images), device=owner.device), block):
            scores = _scores(images, texts, rows, columns, similarity)
            competing = owner[columns] != rows[:, None]
            image_rank[rows] += (competing & (scores >= reach(image_threshold[rows, None]))).sum(1)
            text_rank[columns] += (competing & (scores >= reach(text_threshold[columns]))).sum(0)
    return image_rank, text_rank


def reach(threshold: Tensor) -> Tensor:
    """The lowest score that ties with a threshold."""
    return threshold - _TIE * threshold.abs().clamp(min=1)


def _positive_scores(
    images: Items, texts: Items, owner: Tensor, similarity: Similarity, block: int
) -> Tensor:
    """float64 [m], the score of each caption with its own image."""
    positive = torch.empty(len(texts), dtype=torch.float64, device=owner.device)
    for columns in torch.split(owner.argsort(), block):  # captions of the same image together
        rows, which = torch.unique(owner[columns], return_inverse=True)
        positive[columns] = _scores(images, texts, rows, columns, similarity)[
            which, torch.arange(len(columns), device=owner.device)
        ]
    return positive


def _scores(
    images: Items, texts: Items, rows: Tensor, columns: Tensor, similarity: Similarity
) -> Tensor:
    """float64 [len(rows), len(columns)]."""
    scores = similarity(images.block(rows), texts.block(columns)).double()
    if len(bad := (~scores.isfinite()).nonzero()):
        row, column = bad[0].tolist()
        raise DataError(
            f"the similarity of image {int(rows[row])} and caption {int(columns[column])} is not "
            "finite: the model may have diverged"
        )
    return scores
