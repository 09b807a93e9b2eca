"""A bidirectional GRU run over the prefixes of one sequence: all lengths at once, without packing.

Every item of a batch sees the same input sequence cut at its own length. The forward direction is therefore shared by all lengths; the backward
direction starts at each length's last position, and at step t the lengths above t are still running.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


def gru_cell(inputs: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One GRU step in PyTorch's convention (gates reset, update, new).

    Args:
        inputs: [R, 3H], the input's share of the gates, its bias included.
        hidden: [R, H], the state before the step.
        weight: [3H, H], hidden to gates.
        bias: [3H].

    Returns:
        [R, H], the state after the step.
    """
    size = hidden.shape[1]
    recurrent = torch.addmm(bias, hidden, weight.T)
    reset, update = (inputs[:, : 2 * size] + recurrent[:, : 2 * size]).sigmoid().chunk(2, dim=1)
    new = torch.tanh(inputs[:, 2 * size :] + reset * recurrent[:, 2 * size :])
    return torch.lerp(new, hidden, update)


class PrefixBiGRU(nn.Module):
    """One bidirectional layer; parameters are named, shaped and initialised as those of `nn.GRU(bidirectional=True)`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        bound = 1 / math.sqrt(hidden_size)
        for suffix in ("l0", "l0_reverse"):
            for name, shape in (
                ("weight_ih", (3 * hidden_size, input_size)),
                ("weight_hh", (3 * hidden_size, hidden_size)),
                ("bias_ih", (3 * hidden_size,)),
                ("bias_hh", (3 * hidden_size,)),
            ):
                self.register_parameter(f"{name}_{suffix}", nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))

    def forward(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """States over every prefix of `sequence` [N, I].

        Returns:
            forward: [N, H], row k the forward state at position k, whatever the length.
            backward: [N(N+1)/2, H], the backward states in blocks of N, N-1, …, 1 rows: row k of block t is position k of length k + t + 1.
        """
        n = len(sequence)
        inputs = torch.addmm(self.bias_ih_l0, sequence, self.weight_ih_l0.T)
        hidden = sequence.new_zeros(1, self.hidden_size)
        ahead = []
        for k in range(n):
            hidden = gru_cell(inputs[k : k + 1], hidden, self.weight_hh_l0, self.bias_hh_l0)
            ahead.append(hidden)

        inputs = torch.addmm(self.bias_ih_l0_reverse, sequence, self.weight_ih_l0_reverse.T)
        hidden = sequence.new_zeros(n + 1, self.hidden_size)
        back = []
        for t in range(n):
            # Position k of length k + t + 1 follows position k + 1 of the same length, one row further in the block before.
            hidden = gru_cell(inputs[: n - t], hidden[1:], self.weight_hh_l0_reverse, self.bias_hh_l0_reverse)
            back.append(hidden)
        return torch.cat(ahead), torch.cat(back)
