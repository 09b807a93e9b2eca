"""The inputs of poolings: random features of items of different lengths."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vsebench.testing.subject import DIM


@dataclass(frozen=True)
class Ragged:
    """A padded batch; its `repr` makes it again. An item's values depend on its place and the seed,
    not on the padding.

    Attributes:
        lengths: of the items.
        rows: of the batch; those beyond an item's length are padding.
        dim: size D of a row.
        padding: what padding holds.
        seed: of the values.
    """

    lengths: tuple[int, ...] = (9, 4, 6, 1, 2, 1)
    rows: int = 9
    dim: int = DIM
    padding: float = 0.0
    seed: int = 0

    def tensors(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Features [B, rows, D] and lengths int64 [B]."""
        features = torch.full((len(self.lengths), self.rows, self.dim), self.padding, dtype=dtype)
        for item, length in enumerate(self.lengths):
            generator = torch.Generator().manual_seed(1000 * self.seed + item)
            features[item, :length] = torch.randn(
                length, self.dim, generator=generator, dtype=torch.float64
            ).to(dtype)
        return features, torch.tensor(self.lengths, dtype=torch.int64)

    @property
    def mask(self) -> Tensor:
        """Bool [B, rows], the valid rows."""
        return torch.arange(self.rows) < torch.tensor(self.lengths, dtype=torch.int64)[:, None]

    def __repr__(self) -> str:
        values = {
            "lengths": self.lengths,
            "rows": self.rows,
            "dim": self.dim,
            "padding": self.padding,
            "seed": self.seed,
        }
        special = {"nan": 'float("nan")', "inf": 'float("inf")', "-inf": 'float("-inf")'}
        written = (
            f"{name}={special.get(str(value), repr(value))}" for name, value in values.items()
        )
        return f"Ragged({', '.join(written)})"

    def __str__(self) -> str:
        return (
            f"{len(self.lengths)} items of lengths {', '.join(map(str, self.lengths)) or 'none'} "
            f"in {self.rows} rows of size {self.dim}"
        )
