"""The generators of GPO's weights.

Where items read no features, all see the same input sequence, each cut at its own length. A
generator then scores all lengths at once (`over_prefixes`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from vsebench.kernels import valid_mask
from vsebench.kernels.prefix_scores import compiled_prefix_scores
from vsebench_plugins.gpo.scan import GRUScan
from vsebench_plugins.learned.fspool import knot_weights

if TYPE_CHECKING:
    from torch import Tensor

HEADS = 4
"""Attention heads of the Transformer."""


class Generator(nn.Module, ABC):
    """Reads one row for each rank of a set, and gives each rank a state, from which a linear head
    makes scores.

    Attributes:
        size: size of a state.
    """

    size: int

    @abstractmethod
    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """States [M, N, size] of `rows` [M, N, I] with `lengths` int64 [M], 1..N.

        Rows beyond a set's length are finite; they touch no state that is below it, and their own
        states mean nothing.
        """

    def over_prefixes(self, rows: Tensor, head: nn.Linear) -> Tensor:
        """Scores [N, N, C] (length − 1, rank, output) of `rows` [N, I] cut at every length, by
        `head` from states to C outputs, which has no bias.
        """
        n = len(rows)
        scores: Tensor = head(
            self(rows.expand(n, n, -1), torch.arange(1, n + 1, device=rows.device))
        )
        return scores


class Interpolation(Generator):
    """`generator=interpolation`: scores at equally spaced knots from the first rank to the last,
    linear between them.

    The states are how much each knot counts at a rank; the head holds the scores at the knots.
    Unlike FSPool's, the weights are a softmax of the scores, and by default shared by all
    dimensions: nothing but the generator differs from GPO.
    """

    def __init__(self, knots: int) -> None:
        super().__init__()
        self.size = knots

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        return knot_weights(lengths, rows.shape[1], self.size - 1).to(rows.dtype)


class MLP(Generator):
    """`generator=mlp`: a hidden layer of ReLUs, which the head makes a perceptron of two layers
    (VSE-infinity, ablation without a sequence model).

    The paper's sizes are not known. From positions alone it scores a rank the same in every set:
    the length enters through the softmax only.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.hidden = nn.Linear(input_size, hidden_size)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # ranks do not see each other
        states: Tensor = self.hidden(rows).relu()
        return states


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


class PrefixBiGRU(nn.Module):
    """`generator=gru` over positions: one bidirectional layer, directions averaged, over all
    prefixes of one sequence without packing.

    The forward direction is shared by all lengths. The backward direction starts at each length's
    last position, and after t steps only the lengths above t are still running. Parameters are
    named, shaped and initialised as those of `nn.GRU(bidirectional=True)`.

    Attributes:
        size: size of a state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size

        def uniform(*shape: int) -> nn.Parameter:
            bound = 1 / math.sqrt(hidden_size)
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

        gates = 3 * hidden_size
        self.weight_ih_l0, self.weight_hh_l0 = (
            uniform(gates, input_size),
            uniform(gates, hidden_size),
        )
        self.bias_ih_l0, self.bias_hh_l0 = uniform(gates), uniform(gates)
        self.weight_ih_l0_reverse, self.weight_hh_l0_reverse = (
            uniform(gates, input_size),
            uniform(gates, hidden_size),
        )
        self.bias_ih_l0_reverse, self.bias_hh_l0_reverse = uniform(gates), uniform(gates)

    def forward(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """States over every prefix of `sequence` [N, I].

        Returns:
            ahead: [N, H], row k the forward state at position k, whatever the length.
            back: [N(N+1)/2, H], the backward states in blocks of N, N-1, …, 1 rows: row k of block
                t is position k of length k + t + 1.
        """
        inputs = torch.addmm(self.bias_ih_l0, sequence, self.weight_ih_l0.T)
        ahead: Tensor = GRUScan.apply(inputs, self.weight_hh_l0, self.bias_hh_l0, False)  # type: ignore[no-untyped-call]
        inputs = torch.addmm(self.bias_ih_l0_reverse, sequence, self.weight_ih_l0_reverse.T)
        back: Tensor = GRUScan.apply(
            inputs, self.weight_hh_l0_reverse, self.bias_hh_l0_reverse, True
        )  # type: ignore[no-untyped-call]
        return ahead, back

    def over_prefixes(self, rows: Tensor, head: nn.Linear) -> Tensor:
        """As `Generator.over_prefixes`; the head is linear, so that it takes each state once,
        before directions and lengths are put together.
        """
        compiled = compiled_prefix_scores(rows, head.weight, tuple(self.parameters()))
        if compiled is not None:
            return compiled
        ahead, back = (head(states) for states in self(rows))
        row = torch.arange(len(rows), device=rows.device)
        sizes = len(rows) - row
        block = (sizes.cumsum(0) - sizes)[(row[:, None] - row).clamp(min=0)]
        scores: Tensor = (ahead + back[block + row]) / 2
        return scores


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


def make_generator(
    name: str, input_size: int, hidden_size: int, *, features: bool
) -> PrefixBiGRU | Generator:
    """The generator `gru`, `transformer`, `mlp` or `interpolation`.

    Args:
        name: name of the generator.
        input_size: size of a row that it reads.
        hidden_size: size of a state.
        features: the rows hold features, so that each item has its own; else all items read the
            same rows, cut at their lengths.
    """
    match name:
        case "gru":
            return (
                ItemBiGRU(input_size, hidden_size)
                if features
                else PrefixBiGRU(input_size, hidden_size)
            )
        case "transformer":
            return Transformer(input_size, hidden_size)
        case "mlp":
            return MLP(input_size, hidden_size)
        case _:
            return Interpolation(hidden_size)
