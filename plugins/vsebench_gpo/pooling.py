"""GPO: sorted pooling whose weights depend on rank and length only (VSE-infinity, CVPR 2021)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vsebench.kernels import sorted_weighted_sum, valid_mask
from vsebench.plugin import SpecError
from vsebench_gpo.gru import PrefixBiGRU
from vsebench_gpo.positional import positional_encoding
from vsebench_gpo.scan import full_precision

if TYPE_CHECKING:
    from torch import Tensor


class _Cached(NamedTuple):
    """A table with the values of the parameters that it was computed from."""

    parameters: Tensor
    table: Tensor


class GPO(nn.Module):
    """`gpo`: theta(k, n) is a softmax over ranks k of a BiGRU's scores of positional encodings, for sets of n features.

    The weights of every length 1..N are computed once per step as a table [N, N], whose rows the items look up. Without gradients the table is
    kept until a parameter changes. The weights are computed in float32 at least, whatever autocast or TF32 settings are around them.

    Args:
        d_pe: size of the positional encoding; even.
        d_hidden: hidden size of each direction of the GRU.
        temperature: of the softmax.
    """

    def __init__(self, d_pe: int = 32, d_hidden: int = 32, temperature: float = 0.1) -> None:
        super().__init__()
        if d_pe % 2:
            raise SpecError(f"pooling 'gpo': parameter 'd_pe' must be even (sines and cosines in pairs), got {d_pe}")
        self.d_pe = d_pe
        self.temperature = temperature
        self.gru = PrefixBiGRU(d_pe, d_hidden)
        self.linear = nn.Linear(d_hidden, 1, bias=False)
        self._cached: _Cached | None = None

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Pools `features` [B, N, D] with `lengths` int64 [B] (1..N) into [B, D]."""
        table = self.table(features.shape[1])
        # An embedding look-up has a deterministic backward on CUDA, where indexing adds up in any order.
        return sorted_weighted_sum(features, lengths, functional.embedding(lengths - 1, table))

    def weights(self, length: int) -> Tensor:
        """The weights of ranks 0..length-1 for a set of that length, [length], detached: what plots show."""
        with torch.no_grad():
            return self.table(length)[length - 1].clone()

    def table(self, n: int) -> Tensor:
        """Weights [n, n]: row r holds those of length r + 1, zero beyond it."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._compute(n)
        # By value: neither a fused optimiser nor a write through `.data` counts a new version of a tensor.
        now = torch.cat([parameter.flatten() for parameter in self.parameters()])
        if self._cached is None or not torch.equal(self._cached.parameters, now) or len(self._cached.table) < n:
            self._cached = _Cached(now, self._compute(n))
        return self._cached.table[:n, :n]

    def _compute(self, n: int) -> Tensor:
        weight = self.linear.weight
        with full_precision(weight.device):
            encoding = positional_encoding(n, self.d_pe, weight.device).to(weight.dtype)
            ahead, back = self.gru(encoding)
            scores = self._scores(self.linear(ahead).squeeze(1), self.linear(back).squeeze(1)) / (2 * self.temperature)
            padding = ~valid_mask(torch.arange(1, n + 1, device=weight.device), n)
            return scores.masked_fill(padding, -math.inf).softmax(dim=1).to(torch.promote_types(weight.dtype, torch.float32))

    @staticmethod
    def _scores(ahead: Tensor, back: Tensor) -> Tensor:
        """The two directions' scores added: `ahead` [n] by position, `back` in the blocks of `PrefixBiGRU`, to [n, n] (length, position)."""
        n = len(ahead)
        row = torch.arange(n, device=ahead.device)
        steps = (row[:, None] - row).clamp(min=0)
        block = steps * n - steps * (steps - 1) // 2
        return ahead + back[block + row]
