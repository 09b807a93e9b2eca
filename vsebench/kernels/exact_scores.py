"""Exact scores of chosen pairs, in batches that stay in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.kernels.exact_dot import exact_dot

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.rows import Rows

_CACHED_TERMS = 2**17  # products of an exact batch on the CPU: 1 MiB, which stays in the cache
_DEVICE_TERMS = 2**23  # elsewhere: 64 MiB, so that launching kernels is not what takes the time


def exact_scores(
    left: Rows, right: Rows, left_index: Tensor, right_index: Tensor, *, compiled: bool
) -> Tensor:
    """float64 [P], the inner products of the rows (left_index[p], right_index[p]); see
    `exact_dot`.
    """
    terms = _CACHED_TERMS if left.device.type == "cpu" else _DEVICE_TERMS
    batch = max(1, terms // left.width)
    scores = torch.empty(len(left_index), dtype=torch.float64, device=left_index.device)
    for part, i, j in zip(
        *(torch.split(whole, batch) for whole in (scores, left_index, right_index)), strict=True
    ):
        part.copy_(exact_dot(left.take(i), right.take(j), compiled=compiled))
    return scores
