"""GPO: sorted pooling with learnt weights (VSE-infinity, CVPR 2021), and the variants that its
authors compared it with.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vsebench.kernels import sorted_values, sorted_weighted_sum, valid_mask
from vsebench.plugin import SpecError
from vsebench_plugins.gpo.generators import HEADS, make_generator
from vsebench_plugins.gpo.positional import RankEmbedding, positional_encoding
from vsebench_plugins.gpo.scan import full_precision

if TYPE_CHECKING:
    from torch import Tensor

D_PE = 32
"""The published size of the positional encoding."""


class _Cached(NamedTuple):
    """A table with the values of the parameters that it was computed from."""

    parameters: Tensor
    table: Tensor


class GPO(nn.Module):
    """`gpo`: sorts each dimension's values and sums them with weights theta(k, n), a softmax over
    ranks k of a generator's scores, for sets of n features.

    As published, the weights depend on rank and length only: those of every length 1..N are
    computed once per step as a table, whose rows the items look up. Without gradients the table is
    kept until a parameter changes. The weights are computed in float32 at least, whatever autocast
    or TF32 settings are around them. Parameters have the names of the released code.

    The other choices are ablations of the paper's supplement, whose code was not released; what it
    leaves open is decided as each docstring says.

    Args:
        d_pe: size of the positional encoding; even.
        d_hidden: size of a generator's states: of each direction of the GRU; for the interpolation,
            the number of knots.
        temperature: temperature of the softmax.
        generator: `gru`, a BiGRU over the ranks, as published; or `transformer` (Table 3), `mlp`,
            `interpolation`.
        encoding: encoding of the ranks: `sincos`, or `learned` vectors.
        reads: the generator's input at each rank: the encoding of its `positions`, the sorted
            values of all dimensions (`features`), or `both` side by side (Table 8). Values have
            gradients there too. The set's order still does not matter, but weights then belong to
            an item, not to a length.
        weights: `shared` by all dimensions, or `per-dimension`: a head with D outputs (Table 7).
            Its table takes N² · D numbers: mind the memory of grids.
        dim: embedding size D, for `per-dimension` and for reading features.

    Raises:
        SpecError: parameters contradict each other, or `dim` is missing.
    """

    def __init__(  # noqa: PLR0913  # a component's parameters
        self,
        d_pe: int = D_PE,
        d_hidden: int = 32,
        temperature: float = 0.1,
        generator: str = "gru",
        encoding: str = "sincos",
        reads: str = "positions",
        weights: str = "shared",
        *,
        dim: int | None = None,
    ) -> None:
        super().__init__()
        _check(generator, encoding, reads, d_pe, d_hidden)
        self.d_pe = d_pe
        self.temperature = temperature
        self.kind = generator
        self.reads = reads
        outputs = _needed(dim, "weights=per-dimension") if weights == "per-dimension" else 1
        from_features = _needed(dim, f"reads={reads}") if reads != "positions" else 0
        self.ranks = RankEmbedding(d_pe) if encoding == "learned" else None
        input_size = from_features + (d_pe if reads != "features" else 0)
        self.add_module(
            generator, make_generator(generator, input_size, d_hidden, features=bool(from_features))
        )
        self.linear = nn.Linear(d_hidden, outputs, bias=False)
        self._cached: _Cached | None = None

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Pools `features` [B, N, D] with `lengths` int64 [B] (1..N) into [B, D]."""
        if self.reads != "positions":
            values = sorted_values(features, lengths)
            return (self._read(values, lengths) * values).sum(dim=1).to(features.dtype)
        table = self.table(features.shape[1])
        # An embedding look-up has a deterministic backward on CUDA, where indexing adds up in any
        # order.
        weights = functional.embedding(lengths - 1, table.flatten(1))
        if table.dim() == 2:
            return sorted_weighted_sum(features, lengths, weights)
        return (
            (weights.view(-1, *table.shape[1:]) * sorted_values(features, lengths))
            .sum(dim=1)
            .to(features.dtype)
        )

    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The weights of the ranks of each item, [B, N] or, per dimension, [B, N, D]."""
        if self.reads == "positions":
            return self.table(features.shape[1])[lengths - 1]
        weights = self._read(sorted_values(features, lengths), lengths)
        return weights.squeeze(-1) if len(self.linear.weight) == 1 else weights

    def weights(self, length: int) -> Tensor:
        """The weights of ranks 0..length-1 for a set of that length, [length] or, per dimension,
        [length, D]; detached: what plots show.

        Raises:
            SpecError: they depend on features.
        """
        with torch.no_grad():
            return self.table(length)[length - 1].clone()

    def table(self, n: int) -> Tensor:
        """Weights [n, n] or, per dimension, [n, n, D]: row r holds those of length r + 1, zero
        beyond it.

        Raises:
            SpecError: they depend on features.
        """
        if self.reads != "positions":
            raise SpecError(
                f"pooling 'gpo': with reads={self.reads} the weights depend on the features: no "
                "length has weights of its own"
            )
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._compute(n)
        # By value: neither a fused optimiser nor a write through `.data` counts a new version of a
        # tensor.
        now = torch.cat([parameter.flatten() for parameter in self.parameters()])
        if (
            self._cached is None
            or not torch.equal(self._cached.parameters, now)
            or len(self._cached.table) < n
        ):
            self._cached = _Cached(now, self._compute(n))
        return self._cached.table[:n, :n]

    def _compute(self, n: int) -> Tensor:
        weight = self.linear.weight
        with full_precision(weight.device):
            scores = self.get_submodule(self.kind).over_prefixes(self._encoding(n), self.linear)  # type: ignore[operator]
            scores = scores.squeeze(-1) if len(weight) == 1 else scores
            return self._softmax(scores, torch.arange(1, n + 1, device=weight.device))

    def _read(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Weights [B, N, 1] or, per dimension, [B, N, D] from sorted `values` [B, N, D]."""
        weight = self.linear.weight
        with full_precision(weight.device):
            rows = values.to(weight.dtype)
            if self.reads == "both":
                rows = torch.cat(
                    [self._encoding(rows.shape[1]).expand(*rows.shape[:2], -1), rows], dim=2
                )
            return self._softmax(self.linear(self.get_submodule(self.kind)(rows, lengths)), lengths)

    def _encoding(self, n: int) -> Tensor:
        weight = self.linear.weight
        return (
            positional_encoding(n, self.d_pe, weight.device).to(weight.dtype)
            if self.ranks is None
            else self.ranks(n)
        )

    def _softmax(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Over the valid ranks of `scores` [M, N] or [M, N, C]."""
        padding = ~valid_mask(lengths, scores.shape[1])
        scores = (scores / self.temperature).masked_fill(
            padding.view(*padding.shape, *[1] * (scores.dim() - 2)), -math.inf
        )
        return scores.softmax(dim=1).to(torch.promote_types(scores.dtype, torch.float32))

    def extra_repr(self) -> str:
        return f"reads={self.reads}, temperature={self.temperature}"


def _check(generator: str, encoding: str, reads: str, d_pe: int, d_hidden: int) -> None:
    """Refuses parameters that contradict each other, and those that would have no effect.

    Raises:
        SpecError: in one line, what cannot be and what to write instead.
    """
    if d_pe % 2:
        raise SpecError(
            f"pooling 'gpo': parameter 'd_pe' must be even (sines and cosines in pairs), got {d_pe}"
        )
    if generator == "interpolation" and reads != "positions":
        raise SpecError(
            "pooling 'gpo': generator=interpolation knows ranks only and cannot read features: "
            f"drop reads={reads} or take another generator"
        )
    if generator == "transformer" and d_hidden % HEADS:
        raise SpecError(
            f"pooling 'gpo': generator=transformer has {HEADS} heads: parameter 'd_hidden' must "
            f"be a multiple of {HEADS}, got {d_hidden}"
        )
    reason = (
        "generator=interpolation has"
        if generator == "interpolation"
        else "reads=features leaves"
        if reads == "features"
        else ""
    )
    if reason and encoding != "sincos":
        raise SpecError(f"pooling 'gpo': {reason} no positional encoding: drop encoding={encoding}")
    if reason and d_pe != D_PE:
        raise SpecError(f"pooling 'gpo': {reason} no positional encoding: drop d_pe={d_pe}")


def _needed(dim: int | None, parameter: str) -> int:
    """The embedding size, for parameters that depend on it.

    Raises:
        SpecError: it was not given.
    """
    if dim is None:
        raise SpecError(
            f"pooling 'gpo': {parameter} needs the embedding size: create it with dim=D"
        )
    return dim
