"""The inputs of annotation losses: scores of positives and of their negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vsebench.plugin import RankingInputs


@dataclass(frozen=True)
class Rankings:
    """A batch of scores; its `repr` makes it again.

    Attributes:
        pairs: number of positives B.
        negatives: number of negatives of each, k.
        nothing: no negative was found.
        seed: seed of the scores.
    """

    pairs: int = 5
    negatives: int = 3
    nothing: bool = False
    seed: int = 0

    def inputs(self, dtype: torch.dtype = torch.float64) -> RankingInputs:
        """The batch."""
        generator = torch.Generator().manual_seed(self.seed)
        pos, neg = (
            torch.randn(*shape, generator=generator, dtype=torch.float64)
            for shape in ((self.pairs,), (self.pairs, self.negatives))
        )
        weight = 0.2 + torch.rand(
            self.pairs, self.negatives, generator=generator, dtype=torch.float64
        )
        if self.nothing:
            neg.fill_(-torch.inf)
        return RankingInputs(pos.to(dtype), neg.to(dtype), weight.to(dtype))

    def __str__(self) -> str:
        return (
            f"{self.pairs} positives with {self.negatives} "
            f"{'empty draws' if self.nothing else 'negatives'} each"
        )
