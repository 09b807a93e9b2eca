"""Masks of padded batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def valid_mask(lengths: Tensor, n: int) -> Tensor:
    """Bool [B, n] for `lengths` int64 [B]: true where a position is below its item's length."""
    return torch.arange(n, device=lengths.device) < lengths[:, None]
