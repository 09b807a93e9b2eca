"""FSPool: featurewise sort pooling (ICLR 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels import sorted_values, valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def knot_weights(lengths: Tensor, n: int, pieces: int) -> Tensor:
    """Weight of each knot of a piecewise linear function at each rank.

    Rank k of an item of length n_b lies at `pieces · k / (n_b − 1)` between knots 0 and `pieces`;
    the only rank of an item of length 1 at knot 0.

    Args:
        lengths: int64 [B], 1..n.
        n: ranks.
        pieces: number of linear pieces.

    Returns:
        float64 [B, n, pieces + 1]; two neighbouring knots at most count at a rank, summing to 1,
        and none beyond an item's length.
    """
    rank = torch.arange(n, device=lengths.device, dtype=torch.float64)
    at = pieces * rank / (lengths - 1).clamp(min=1)[:, None]
    knots = torch.arange(pieces + 1, device=lengths.device)
    hats = (1 - (at[:, :, None] - knots).abs()).relu()
    return hats * valid_mask(lengths, n)[:, :, None]


class FSPool(nn.Module):
    """`fspool`: sums each dimension's sorted values with weights that are a learnt piecewise linear
    function of the relative rank.

    The weights are linear in the knots, so the sorted values are summed for each knot first, and no
    [B, N, D] weights are made.

    Args:
        pieces: linear pieces of each function.
        dim: embedding size D; there are D · (pieces + 1) parameters, initialised from the standard
            normal distribution.
    """

    def __init__(self, pieces: int = 20, *, dim: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.weight = nn.Parameter(torch.randn(dim, pieces + 1))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        values = sorted_values(features, lengths).to(self.weight.dtype)
        hats = knot_weights(lengths, features.shape[1], self.pieces).to(self.weight.dtype)
        with torch.autocast(features.device.type, enabled=False):
            at_knots = hats.transpose(1, 2) @ values
        return (at_knots * self.weight.T).sum(dim=1).to(features.dtype)

    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The weights of the ranks of each item, [B, N, D]; they need not sum to 1."""
        hats = knot_weights(lengths, features.shape[1], self.pieces)
        return hats.to(self.weight.dtype) @ self.weight.T

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"
