"""The highest scores of each row, for mining offline negatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.compiled import array, compiled_kernels_take

if TYPE_CHECKING:
    from torch import Tensor

_STRIDE = 16  # every 16th column is in the sample
_ROOM = 4  # times as many candidates as expected


def hardest(scores: Tensor, row_groups: Tensor, column_groups: Tensor, h: int) -> Tensor:
    """For each row of `scores` the `h` columns of highest score among those of another group.

    float32 on the CPU is passed over once: scores above a bound that is estimated from a sample of
    the columns are kept, and the highest are chosen among them. Where the estimate is off, the
    whole row is searched; the result depends on it only in the order of equal scores.

    Args:
        scores: [b, m]; overwritten.
        row_groups: int64 [b].
        column_groups: int64 [m]; every row has `h` columns of another group at least.
        h: number of columns to find.

    Returns:
        int64 [b, h], the highest first.
    """
    expected = h / _STRIDE
    rank = math.ceil(expected + 4 * math.sqrt(expected) + 4)
    most = _ROOM * rank * _STRIDE
    if scores.shape[1] < 2 * most or not compiled_kernels_take(scores):
        return _of_whole_rows(scores, row_groups, column_groups, h)
    from vsebench.kernels.hardest_numba import keep_above

    bounds = scores[:, ::_STRIDE].topk(rank, dim=1).values[:, -1]
    values = scores.new_full((len(scores), most), -math.inf)
    columns = torch.zeros(values.shape, dtype=torch.int64)
    counts = torch.empty(len(scores), dtype=torch.int64)
    keep_above(
        array(scores),
        array(bounds),
        array(row_groups),
        array(column_groups),
        values.numpy(),
        columns.numpy(),
        counts.numpy(),
    )
    found = columns.gather(1, values.topk(h, dim=1).indices)
    misled = ((counts < h) | (counts > most)).nonzero().squeeze(1)
    if len(misled):
        found[misled] = _of_whole_rows(scores[misled], row_groups[misled], column_groups, h)
    return found


def _of_whole_rows(scores: Tensor, row_groups: Tensor, column_groups: Tensor, h: int) -> Tensor:
    scores.masked_fill_(row_groups[:, None] == column_groups, -math.inf)
    return scores.topk(h, dim=1).indices
