"""`sorted_weighted_sum` in plain torch: for any device and dtype, and what kernels are tried
against.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from vsebench.kernels.valid_rows import valid_mask

if TYPE_CHECKING:
    from torch import Tensor


class TorchSortedSum(torch.autograd.Function):
    """`sorted_weighted_sum` by one stable sort along a contiguous axis."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        wide = torch.promote_types(
            torch.promote_types(features.dtype, weights.dtype), torch.float32
        )
        padding = ~valid_mask(lengths, features.shape[1])
        columns = features.transpose(1, 2).contiguous().masked_fill(padding[:, None], -math.inf)
        # Stable: a valid -inf stays ahead of the padding, so that gradients reach valid rows only.
        values, rows = columns.sort(dim=-1, descending=True, stable=True)
        values = values.masked_fill_(padding[:, None], 0).to(wide)
        kept = weights.masked_fill(padding, 0).to(wide)
        ctx.save_for_backward(values, rows, kept, padding)
        ctx.dtypes = features.dtype, weights.dtype
        with torch.autocast(features.device.type, enabled=False):
            return torch.bmm(values, kept[:, :, None]).squeeze(-1).to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        values, rows, kept, padding = ctx.saved_tensors
        features_dtype, weights_dtype = ctx.dtypes
        grad = grad.to(values.dtype)
        to_features = to_weights = None
        if ctx.needs_input_grad[0]:
            by_rank = (
                (grad[:, :, None] * kept[:, None])
                .masked_fill_(padding[:, None], 0)
                .to(features_dtype)
            )
            to_features = torch.empty_like(by_rank).scatter_(-1, rows, by_rank).transpose(1, 2)
        if ctx.needs_input_grad[2]:
            with torch.autocast(grad.device.type, enabled=False):
                to_weights = (
                    torch.bmm(grad[:, None], values)
                    .squeeze(1)
                    .masked_fill_(padding, 0)
                    .to(weights_dtype)
                )
        return to_features, None, to_weights
