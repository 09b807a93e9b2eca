"""A pooling that returns a distribution, and a loss of its own beside it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vsebench.plugin import GaussianEmbedding, PoolingOutput


class Gaussian(nn.Module):
    """`gaussian`: mean and log-variance of an item. The tower normalises the mean and leaves the
    variance as it is.
    """

    def __init__(self, dim: int, spread: float = 0.1, vib: float = 1e-4) -> None:
        super().__init__()
        self.log_variance = nn.Linear(dim, dim)
        self.vib = vib
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, math.log(spread / dim))

    def forward(self, features: Tensor, lengths: Tensor) -> PoolingOutput:
        """A Gaussian [B, D] from `features` [B, N, D], of which the first `lengths` [B] rows are
        valid.
        """
        padding = torch.arange(features.shape[1], device=features.device) >= lengths[:, None]
        mean = features.masked_fill(padding[..., None], 0).sum(1) / lengths[:, None].to(
            features.dtype
        )
        gaussian = GaussianEmbedding(mean, self.log_variance(mean))
        return PoolingOutput(gaussian, {"vib": self.vib * divergence(gaussian)} if self.vib else {})


def divergence(gaussian: GaussianEmbedding) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) summed over dimensions, mean over items; μ as the tower will normalise
    it.
    """
    mean = nn.functional.normalize(gaussian.mean.float(), dim=-1)
    log_variance = gaussian.log_variance.float()
    per_item = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1)
    return per_item.sum() / max(1, len(per_item))
