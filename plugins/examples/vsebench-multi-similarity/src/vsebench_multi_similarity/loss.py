"""From scores and masks of image–caption pairs to a loss that was made for items with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


class MultiSimilarity(nn.Module):
    """`multi-similarity`: the mean over images of their loss among captions, plus the mean over
    captions of theirs among images.
    """

    def __init__(self, alpha: float = 2.0, beta: float = 50.0, base: float = 0.5) -> None:
        super().__init__()
        self.loss = MultiSimilarityLoss(alpha, beta, base)

    def forward(self, inputs: LossInputs) -> Tensor:
        scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
        return self._direction(scores, inputs.positives) + self._direction(
            scores.T, inputs.positives.T
        )

    def _direction(self, scores: Tensor, positives: Tensor) -> Tensor:
        """The mean over rows. This is the step of the library that takes a matrix and masks; those
        before it make masks of labels.
        """
        found: Tensor = self.loss._compute_loss(scores, positives, ~positives)["loss"]["losses"]
        return found.mean()
