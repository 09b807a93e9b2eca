"""Encodings of ranks: fixed sinusoids and learnt vectors."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.plugin import SpecError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

MAX_RANKS = 512
"""Number of ranks with a learnt vector."""


def positional_encoding(n: int, size: int, device: torch.device | None = None) -> Tensor:
    """Encodings of positions 0..n-1, float32 [n, size].

    `PE[k, 2j] = sin(k · w_j)` and `PE[k, 2j + 1] = cos(k · w_j)` with `w_j = 10000^(−2j / size)`:
    Eq. 4 of VSE-infinity, which counts positions from 1; its released code, followed here, counts
    from 0. Computed in float64. On the CPU it is computed once, and must not be written to.
    """
    if (device is None or device.type == "cpu") and not torch.compiler.is_compiling():
        return torch.from_numpy(_on_host(n, size))
    return _computed(n, size, device)


@functools.lru_cache(maxsize=1024)
def _on_host(n: int, size: int) -> np.ndarray:
    array: np.ndarray = _computed(n, size, torch.device("cpu")).numpy()
    return array


def _computed(n: int, size: int, device: torch.device | None) -> Tensor:
    frequency = torch.exp(
        torch.arange(0, size, 2, dtype=torch.float64, device=device) * (-math.log(10000.0) / size)
    )
    angle = torch.arange(n, dtype=torch.float64, device=device)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(torch.float32)


class RankEmbedding(nn.Module):
    """`encoding=learned`: a learnt vector for each rank, in place of the sinusoids (VSE-infinity,
    ablation).

    Ranks that training never saw keep their initial vectors, drawn from the standard normal
    distribution.

    Args:
        size: size of a vector.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(MAX_RANKS, size)

    def forward(self, n: int) -> Tensor:
        """The vectors of ranks 0..n-1, [n, size].

        Raises:
            SpecError: n is more than `MAX_RANKS`.
        """
        if n > MAX_RANKS:
            raise SpecError(
                f"pooling 'gpo': encoding=learned knows {MAX_RANKS} ranks, but a set has {n} "
                "rows: take encoding=sincos"
            )
        return self.table.weight[:n]
