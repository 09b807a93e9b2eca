"""The patterns, and the random sets that they are learnt on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from vsebench.kernels import sorted_weighted_sum, valid_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from vsebench.plugin import Key

    Pattern = Callable[[Tensor, Tensor], Tensor]

WEIGHTS: Mapping[str, Pattern] = {
    "avg": lambda rank, size: rank < size,
    "max-1": lambda rank, _: rank < 1,
    "max-10": lambda rank, _: rank < 10,
    "top-half": lambda rank, size: rank < (size + 1) // 2,
    "linear-decay": lambda rank, size: (size - rank).clamp(min=0),
}
"""Weights by rank (from 0) and size, up to a factor: every pattern is scaled to a sum of 1. Of an
odd size, `top-half` is rounded up; `linear-decay` falls to 1/n of its first weight. Of these two
the paper gives only the names."""


class Sets(NamedTuple):
    """A batch of sets: `features` [B, N, D] with `lengths` int64 [B]; padding is zero."""

    features: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> Sets:
        """The sets on a device."""
        return Sets(self.features.to(device), self.lengths.to(device))


def draw(count: int, sizes: Sequence[int], dim: int, generator: torch.Generator) -> Sets:
    """`count` sets of standard normal vectors of size `dim`, each with one of `sizes`, all equally
    likely.
    """
    lengths = torch.tensor(sizes)[torch.randint(len(sizes), (count,), generator=generator)]
    features = torch.randn(count, int(lengths.max()), dim, generator=generator)
    return Sets(
        features.masked_fill_(~valid_mask(lengths, features.shape[1])[:, :, None], 0), lengths
    )


def drawn(count: int, sizes: Sequence[int], dim: int, key: Key) -> Sets:
    """As `draw`, from the stream of a key: the same sets whenever they are needed."""
    return draw(count, sizes, dim, torch.Generator().manual_seed(key.seed()))


def target(pattern: str, sets: Sets) -> Tensor:
    """What a pooling is to return for `sets`, [B, D]."""
    size = sets.lengths[:, None]
    rank = torch.arange(sets.features.shape[1], device=size.device).expand(len(size), -1)
    weights = torch.where(rank < size, WEIGHTS[pattern](rank, size), 0).to(torch.float32)
    return sorted_weighted_sum(
        sets.features, sets.lengths, weights / weights.sum(dim=1, keepdim=True)
    )
