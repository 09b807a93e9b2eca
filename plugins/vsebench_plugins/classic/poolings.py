"""Fixed poolings: each dimension's mean, maximum, or mean of its k largest values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vsebench.kernels import masked_max, masked_mean, sorted_weighted_sum, valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def max_avg(features: Tensor, lengths: Tensor, w: float) -> Tensor:
    """`w · max + (1 − w) · mean` over the valid rows of `features` [B, N, D]; [B, D]."""
    return w * masked_max(features, lengths) + (1 - w) * masked_mean(features, lengths)


def k_max(features: Tensor, lengths: Tensor, k: int) -> Tensor:
    """Mean of the `min(k, lengths[b])` largest valid values of each dimension, each item for
    itself; [B, D].

    The helper in the VSE-infinity code lets one short item lower k for every later item of its
    batch; this one does not. Features must be finite: a valid infinity that is not among the k
    largest makes its dimension NaN (0 · ∞), where the mean would still be a number.
    """
    kept = lengths.clamp(min=1, max=k)
    weights = valid_mask(kept, features.shape[1]) / kept[:, None]
    return sorted_weighted_sum(features, lengths, weights)


class Mean(nn.Module):
    """`mean`: the average of the valid rows."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return masked_mean(features, lengths)


class Max(nn.Module):
    """`max`: each dimension's largest valid value."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return masked_max(features, lengths)


class MaxAvg(nn.Module):
    """`maxavg`: a fixed mixture of maximum and mean."""

    def __init__(self, w: float = 0.5) -> None:
        super().__init__()
        self.w = w

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return max_avg(features, lengths, self.w)

    def extra_repr(self) -> str:
        return f"w={self.w}"


class KMax(nn.Module):
    """`kmax`: the mean of the k largest valid values of each dimension."""

    def __init__(self, k: int = 5) -> None:
        super().__init__()
        self.k = k

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return k_max(features, lengths, self.k)

    def extra_repr(self) -> str:
        return f"k={self.k}"
