"""Mean and maximum over the valid rows of each item of a padded batch.

Padding (rows at `lengths[b]` and beyond) is never used, whatever it holds, and gets a gradient of
exactly 0. A NaN among the valid values shows in the result. float32 on the CPU takes a compiled
kernel that reads valid rows once; everything else takes torch operations with the same result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.kernels.valid_rows import valid_mask

if TYPE_CHECKING:
    from torch import Tensor


def masked_mean(features: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the valid rows of `features` [B, N, D] with `lengths` int64 [B]; [B, D] of the same
    dtype, summed in float32 at least.
    """
    if compiled_kernels_take(features):
        from vsebench.kernels.reductions_numba import NumbaMean

        out: Tensor = NumbaMean.apply(features, lengths)  # type: ignore[no-untyped-call]
        return out
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    wide = torch.promote_types(features.dtype, torch.float32)
    total = torch.where(mask, features, 0).sum(dim=1, dtype=wide)
    return (total / lengths.clamp(min=1)[:, None]).to(features.dtype)


def masked_max(features: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over the valid rows of `features` [B, N, D] with `lengths` int64 [B], 1..N; [B, D].

    Of tied maxima the earliest row gets the gradient.

    Raises:
        IndexError: N is 0.
    """
    if features.shape[1] and compiled_kernels_take(features):
        from vsebench.kernels.reductions_numba import NumbaMax

        out: Tensor = NumbaMax.apply(features, lengths)  # type: ignore[no-untyped-call]
        return out
    mask = valid_mask(lengths, features.shape[1])[:, :, None]
    return torch.where(mask, features, -math.inf).max(dim=1).values
