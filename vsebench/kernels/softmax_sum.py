"""Softmax poolings: each dimension's values weighted by a softmax over the rows of an item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from vsebench.kernels.compiled import compiled_kernels_take
from vsebench.kernels.valid_rows import padded_rows, valid_mask

if TYPE_CHECKING:
    from torch import Tensor


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
        from vsebench.kernels.softmax_sum_numba import NumbaSoftmaxSum

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
