"""`sorted_values` by the sorting network of the sorted sum, for float32 on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.compiled import array
from vsebench.kernels.jit import jit
from vsebench.kernels.sorted_pooling_numba import (
    LANES,
    clear_padding,
    load_block,
    sort_block,
    store_block,
)
from vsebench.kernels.sorting_network import networks

if TYPE_CHECKING:
    from torch import Tensor


@jit
def sort_values(
    features: np.ndarray,
    lengths: np.ndarray,
    pairs: np.ndarray,
    start: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Fills `values` [B, N, D] with the sorted valid values of `features` [B, N, D], then zeros.

    Also fills, unless it is empty, `rows` uint8 [B, N, D] with the row of each valid value. `pairs`
    and `start` are `networks()`.
    """
    batch, n_max, dim = features.shape
    block = np.zeros((n_max, LANES), np.float32)
    origin = np.zeros((n_max, LANES), np.uint8)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            load_block(features, b, d0, width, n, block, origin)
            sort_block(block, origin, n, pairs, start)
            store_block(block, values, b, d0, width, n)
            if rows.size:
                store_block(origin, rows, b, d0, width, n)
        clear_padding(values, b, n)


@jit
def values_gradient(
    lengths: np.ndarray, grad: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None:
    """Fills `out` [B, N, D] with the gradient of the features, 0 for padding, from `grad` [B, N, D]
    of the sorted values and their `rows`.
    """
    batch, n_max, dim = out.shape
    block = np.zeros((n_max, LANES), np.float32)
    for b in range(batch):
        n = np.uint64(min(max(lengths[b], 0), n_max))
        for d0 in range(0, dim, LANES):
            width = min(LANES, dim - d0)
            for k in range(n):
                gradient = grad[b, k, d0 : d0 + width]
                row = rows[b, k, d0 : d0 + width]
                for d in range(width):
                    block[row[d], d] = gradient[d]
            store_block(block, out, b, d0, width, n)
        clear_padding(out, b, n)


class NumbaSortedValues(torch.autograd.Function):
    """`sorted_values` by the compiled kernels."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor) -> Tensor:
        values = torch.empty(features.shape)
        rows = torch.empty(
            features.shape if ctx.needs_input_grad[0] else (0, 0, 0), dtype=torch.uint8
        )
        lengths = lengths.to(torch.int64)
        sort_values(array(features), array(lengths), *networks(), values.numpy(), rows.numpy())
        ctx.save_for_backward(lengths, rows)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None
        lengths, rows = ctx.saved_tensors
        to_features = torch.empty(rows.shape)
        values_gradient(array(lengths), array(grad), rows.numpy(), to_features.numpy())
        return to_features, None
