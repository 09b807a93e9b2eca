"""The bidirectional GRU for sets whose rows differ, without packing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench_plugins.gpo.generator import Generator

if TYPE_CHECKING:
    from torch import Tensor


class ItemBiGRU(Generator):
    """`generator=gru` over rows that hold features: one layer, directions averaged.

    A packed sequence would make the host wait for the lengths. Instead each item is reversed within
    its length for the backward direction; both directions then run over the padding last, and
    nothing reads the states there.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.ahead = nn.GRU(input_size, hidden_size, batch_first=True)
        self.back = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        mirror = (lengths[:, None] - 1 - torch.arange(rows.shape[1], device=rows.device)).clamp(
            min=0
        )[:, :, None]
        ahead, _ = self.ahead(rows)
        back, _ = self.back(rows.gather(1, mirror.expand_as(rows)))
        states: Tensor = (ahead + back.gather(1, mirror.expand_as(back))) / 2
        return states
