"""A bidirectional GRU run over the prefixes of one sequence: all lengths at once, without packing.

Every item of a batch sees the same input sequence cut at its own length. The forward direction is
therefore shared by all lengths; the backward direction starts at each length's last position, and
after t steps only the lengths above t are still running.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.kernels.prefix_scores import compiled_prefix_scores
from vsebench_plugins.gpo.scan import GRUScan

if TYPE_CHECKING:
    from torch import Tensor


class PrefixBiGRU(nn.Module):
    """`generator=gru` over positions: one bidirectional layer, directions averaged.

    Parameters are named, shaped and initialised as those of `nn.GRU(bidirectional=True)`.

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
