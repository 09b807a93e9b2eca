"""Poolings that take one row: the first (a [CLS] token), the last (a forward RNN's final state), or
the last state of a GRU over the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels import valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def zero_padding(features: Tensor, lengths: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """`features` [B, N, D] with zeros in the rows beyond `lengths` int64 [B], as `dtype`; by
    default float32 at least.

    Padding is replaced before anything is computed from it, so that whatever it holds, NaN
    included, reaches neither a result nor a gradient.
    """
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    return torch.where(mask, features, 0).to(
        dtype or torch.promote_types(features.dtype, torch.float32)
    )


def last_row(features: Tensor, lengths: Tensor) -> Tensor:
    """Row `lengths[b] - 1` of each item of `features` [B, N, D]; [B, D]."""
    at = (lengths - 1)[:, None, None].expand(-1, 1, features.shape[2])
    return features.gather(1, at).squeeze(1)


class First(nn.Module):
    """`first`: the first row."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # every length has a first row
        return features[:, 0]


class Last(nn.Module):
    """`last`: the last valid row."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return last_row(features, lengths)


class Seq2Seq(nn.Module):
    """`seq2seq`: the state of a one-layer forward GRU (D → D) after the last valid row; 6 (D² + D)
    parameters.

    The GRU also runs over the padding, whose states nothing reads: the recurrence goes forward
    only.

    Args:
        dim: embedding size D.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.gru = nn.GRU(dim, dim, batch_first=True)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        dtype = next(self.gru.parameters()).dtype
        states, _ = self.gru(zero_padding(features, lengths, dtype))
        return last_row(states, lengths).to(features.dtype)
