"""Masks and reductions over the valid prefix of each item of a padded batch.

Tensors: `features` [B, N, D] of any floating dtype, `lengths` int64 [B]; rows `lengths[b]` and beyond are padding, whose values never matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def valid_mask(lengths: Tensor, n: int) -> Tensor:
    """Bool [B, n], true where a position is below its item's length."""
    return torch.arange(n, device=lengths.device) < lengths[:, None]


def masked_mean(features: Tensor, lengths: Tensor) -> Tensor:
    """Mean over valid rows, [B, D] in the dtype of `features`; summed in at least float32."""
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    wide = torch.promote_types(features.dtype, torch.float32)
    total = features.masked_fill(~mask, 0).sum(dim=1, dtype=wide)
    return (total / lengths.clamp(min=1)[:, None]).to(features.dtype)


def masked_max(features: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over valid rows of each dimension, [B, D]; tied maxima share the gradient equally."""
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    return features.masked_fill(~mask, -math.inf).amax(dim=1)
