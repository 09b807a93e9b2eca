"""The hinge loss that mines hard negatives only where their gradient does not vanish (T-SelHN)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.plugin import LossOutput

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


def selhn_queries(
    scores: Tensor, positives: Tensor, margin: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Losses [B] of the queries in rows, and which of them, bool [B], average over all their
    negatives.

    With p the query's own score and h its hardest negative's: the mean of `[margin + n − p]+` over
    the negatives n where |p − h| < epsilon, else `[margin + h − p]+`. A query without negatives has
    no loss.
    """
    own = scores.diagonal()
    hardest = scores.masked_fill(positives, -math.inf).max(dim=1).values
    hinges = (margin + scores - own[:, None]).relu().masked_fill(positives, 0)
    mean = hinges.sum(dim=1) / (~positives).sum(dim=1).clamp(min=1)
    close = (own - hardest).abs() < epsilon
    return torch.where(close, mean, (margin + hardest - own).relu()), close


@dataclass(frozen=True)
class SelHN:
    """`selhn`: the mean over both directions and the batch, as released."""

    margin: float = 0.2
    epsilon: float = 0.01

    def __call__(self, inputs: LossInputs) -> LossOutput:
        scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
        images, close_images = selhn_queries(scores, inputs.positives, self.margin, self.epsilon)
        captions, close_captions = selhn_queries(
            scores.T, inputs.positives.T, self.margin, self.epsilon
        )
        averaged = torch.cat([close_images, close_captions]).double().mean()
        return LossOutput((images + captions).mean() / 2, {"averaged": averaged})
