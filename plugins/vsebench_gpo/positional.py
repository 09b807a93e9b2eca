"""Sinusoidal positional encoding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def positional_encoding(n: int, size: int, device: torch.device | None = None) -> Tensor:
    """Encodings of positions 0..n-1, float32 [n, size].

    `PE[k, 2j] = sin(k · w_j)` and `PE[k, 2j + 1] = cos(k · w_j)` with `w_j = 10000^(−2j / size)`: Eq. 4 of VSE-infinity, which counts
    positions from 1; its released code, followed here, counts from 0. Computed in float64.
    """
    frequency = torch.exp(torch.arange(0, size, 2, dtype=torch.float64, device=device) * (-math.log(10000.0) / size))
    angle = torch.arange(n, dtype=torch.float64, device=device)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(torch.float32)
