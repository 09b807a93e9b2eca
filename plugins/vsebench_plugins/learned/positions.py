"""Poolings that take one position: the first (a [CLS] token) or the last (a forward RNN's final
state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


def first_row(features: Tensor) -> Tensor:
    """Row 0 of each item of `features` [B, N, D]; [B, D]."""
    return features[:, 0]


def last_row(features: Tensor, lengths: Tensor) -> Tensor:
    """Row `lengths[b] - 1` of each item of `features` [B, N, D]; [B, D]."""
    at = (lengths - 1)[:, None, None].expand(-1, 1, features.shape[2])
    return features.gather(1, at).squeeze(1)


class First(nn.Module):
    """`first`: the first row."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # every length has a first row
        return first_row(features)


class Last(nn.Module):
    """`last`: the last valid row."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return last_row(features, lengths)
