"""The pairwise sigmoid loss (SigLIP)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import softplus

from vsebench.plugin import LossOutput

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs


def siglip_loss(similarity: Tensor, positives: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """`Σ_j −log σ(z_ij (scale · s_ij + bias))` of each image i, [B]; z is 1 where `positives` [B,
    B] is true and −1 elsewhere.

    The published loss is the mean of these sums. `similarity` [B, B] has image i in row i; computed
    in float32 at least.
    """
    logits = similarity.to(torch.promote_types(similarity.dtype, torch.float32)) * scale + bias
    return softplus(torch.where(positives, -logits, logits), threshold=50).sum(dim=1)


class SigLIP(nn.Module):
    """`siglip`. `scale` and `bias` are where the learned t = e^t' and b start."""

    def __init__(self, scale: float = 10.0, bias: float = -10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, inputs: LossInputs) -> LossOutput:
        scale = self.log_scale.exp()
        loss = siglip_loss(inputs.similarity, inputs.positives, scale, self.bias).mean()
        return LossOutput(loss, {"scale": scale.detach(), "bias": self.bias.detach().clone()})
