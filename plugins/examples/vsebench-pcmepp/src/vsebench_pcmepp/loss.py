"""Matching as a binary decision on the distance of two Gaussians."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vsebench.plugin import LossOutput

if TYPE_CHECKING:
    from vsebench.plugin import LossInputs


class PseudoMatch(nn.Module):
    """`pcmepp`: cross-entropy of the probability σ(b − a·d) that a pair matches, a and b learned,
    plus the same with pseudo-positives.

    The similarity is 1 − d/2. What the pooling adds, the divergence from the standard normal, is
    the pooling's own loss.
    """

    def __init__(self, pseudo: float = 0.1, scale: float = 5.0, shift: float = 5.0) -> None:
        super().__init__()
        self.pseudo = pseudo
        self.scale = nn.Parameter(torch.tensor(scale))
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, inputs: LossInputs) -> LossOutput:
        scores = inputs.similarity.to(torch.promote_types(inputs.similarity.dtype, torch.float32))
        logits = self.shift - self.scale * (2 - 2 * scores)
        loss = _cross_entropy(logits, inputs.positives)
        if self.pseudo:
            own = scores.diagonal()
            # Than an image's own caption, than a caption's own image
            nearer = [
                scores >= own[:, None],
                scores >= own,
            ]
            loss = (
                loss
                + self.pseudo
                * torch.stack(
                    [_cross_entropy(logits, inputs.positives | near) for near in nearer]
                ).mean()
            )
        return LossOutput(
            loss, {"scale": self.scale.detach().clone(), "shift": self.shift.detach().clone()}
        )


def _cross_entropy(logits: Tensor, matched: Tensor) -> Tensor:
    """Mean over all pairs of a batch."""
    return binary_cross_entropy_with_logits(logits, matched.to(logits.dtype))
