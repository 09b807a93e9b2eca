"""Mean, maximum and sums weighted by a softmax, over the valid rows of each item of a padded batch.

Padding (rows at `lengths[b]` and beyond) is never used, whatever it holds, and gets a gradient of
exactly 0. A NaN among the valid values shows in the result. float32 on the CPU takes a compiled
kernel that reads valid rows once; everything else takes torch operations with the same result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.kernels.valid_rows import padded_rows, valid_mask

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


def softmax_weighted_sum(values: Tensor, scores: Tensor | None, lengths: Tensor) -> Tensor:
    """`sum_k v_k · softmax_k(s_k)` over each dimension's valid rows.

    Padding is never used, whatever it holds, and gets a gradient of exactly 0. A NaN among the
    valid rows shows in the result. Differentiable once.

    Args:
        values: [B, N, D], or as `valid_rows` gives them.
        scores: alike; None where the values are their own scores.
        lengths: int64 [B], 1..N.

    Returns:
        [B, D], float32 at least.
    """
    if compiled_kernels_take(values) and (scores is None or scores.dtype == torch.float32):
        from vsebench.kernels.reductions_numba import NumbaSoftmaxSum

        lengths = lengths.to(torch.int64)
        first = (
            torch.arange(len(lengths) + 1) * values.shape[1]
            if values.ndim == 3
            else pad(lengths.cumsum(0), (1, 0))
        )
        out: Tensor = NumbaSoftmaxSum.apply(values, scores, first, lengths)  # type: ignore[no-untyped-call]
        return out
    values = padded_rows(values, lengths)
    mask = valid_mask(lengths, values.shape[1])[:, :, None]
    rows = torch.where(mask, values, 0)
    own = rows if scores is None else padded_rows(scores, lengths)
    wide = own.to(torch.promote_types(own.dtype, torch.float32))
    weights = torch.where(mask, wide, -math.inf).softmax(dim=1)
    return (rows.to(torch.promote_types(rows.dtype, torch.float32)) * weights).sum(dim=1)
