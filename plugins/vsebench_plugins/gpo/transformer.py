"""GPO's weights by a Transformer encoder over the ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from vsebench.kernels import valid_mask
from vsebench_plugins.gpo.generator import Generator

if TYPE_CHECKING:
    from torch import Tensor

HEADS = 4


class Transformer(Generator):
    """`generator=transformer`: a linear map to the hidden size and one encoder layer, whose ranks
    attend to all ranks of their set.

    VSE-infinity's supplement (Table 3) compares a Transformer with the BiGRU; its sizes are not
    known. Here as many layers as the BiGRU has, 4 heads, a feed-forward part four times as wide as
    the states, layer normalisation after each part, no dropout. (`nn.TransformerEncoderLayer` is
    the same layer, but takes no empty batch.) A table of all lengths up to N takes N³ attention
    weights for each head: mind the memory from some hundred ranks on.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.input = nn.Linear(input_size, hidden_size)
        self.attention_in = nn.Linear(hidden_size, 3 * hidden_size)
        self.attention_out = nn.Linear(hidden_size, hidden_size)
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.forward_in = nn.Linear(hidden_size, 4 * hidden_size)
        self.forward_out = nn.Linear(4 * hidden_size, hidden_size)
        self.forward_norm = nn.LayerNorm(hidden_size)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        states = self.input(rows)
        states = self.attention_norm(states + self._attend(states, lengths))
        out: Tensor = self.forward_norm(states + self.forward_out(self.forward_in(states).relu()))
        return out

    def _attend(self, states: Tensor, lengths: Tensor) -> Tensor:
        sets, ranks, size = states.shape
        query, key, value = (
            self.attention_in(states)
            .view(sets, ranks, 3, HEADS, size // HEADS)
            .permute(2, 0, 3, 1, 4)
        )
        valid = valid_mask(lengths, ranks)[:, None, None]
        attended = scaled_dot_product_attention(query, key, value, attn_mask=valid)
        out: Tensor = self.attention_out(attended.transpose(1, 2).reshape(sets, ranks, size))
        return out
