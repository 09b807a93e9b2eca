"""Seq2Seq pooling: the last state of a GRU over the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vsebench_plugins.learned.positions import last_row
from vsebench_plugins.learned.rows import zero_padding

if TYPE_CHECKING:
    from torch import Tensor


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
