"""Hinge losses on a batch's scores.

Scores S [B, B] hold image i against caption j, the pair itself on the diagonal. A negative of pair
i is any j that `positives` [B, B] leaves false: caption j for image i (row i), image j for caption
i (column i). Losses are computed in float32 at least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


def sum_hinge_loss(similarity: Tensor, positives: Tensor, margin: float) -> Tensor:
    """`[margin + S[i, j] − S[i, i]]+ + [margin + S[j, i] − S[i, i]]+` summed over every negative j;
    [B].
    """
    scores = _wide(similarity)
    own = scores.diagonal()
    captions = (margin + scores - own[:, None]).relu().masked_fill(positives, 0)
    images = (margin + scores - own[None, :]).relu().masked_fill(positives, 0)
    return captions.sum(dim=1) + images.sum(dim=0)


def triplet_loss(similarity: Tensor, positives: Tensor, margin: float) -> Tensor:
    """The hinges of the hardest negative caption and of the hardest negative image of each pair;
    [B]. Without negatives a hinge is 0.
    """
    scores = _wide(similarity)
    own = scores.diagonal()
    negatives = scores.masked_fill(positives, -math.inf)
    caption = negatives.max(dim=1).values
    image = negatives.max(dim=0).values
    return (margin + caption - own).relu() + (margin + image - own).relu()


def _wide(similarity: Tensor) -> Tensor:
    return similarity.to(torch.promote_types(similarity.dtype, torch.float32))


@dataclass(frozen=True)
class SumHinge:
    """`sum-hinge` (VSE0): every negative counts."""

    margin: float = 0.2
    reduction: Literal["sum", "mean"] = "sum"

    def __call__(self, inputs: LossInputs) -> Tensor:
        pairs = sum_hinge_loss(inputs.similarity, inputs.positives, self.margin)
        return pairs.sum() if self.reduction == "sum" else pairs.mean()


@dataclass(frozen=True)
class Triplet:
    """`triplet` (VSE++): only the hardest negative of each anchor counts."""

    margin: float = 0.2
    reduction: Literal["sum", "mean"] = "sum"

    def __call__(self, inputs: LossInputs) -> Tensor:
        pairs = triplet_loss(inputs.similarity, inputs.positives, self.margin)
        return pairs.sum() if self.reduction == "sum" else pairs.mean()
