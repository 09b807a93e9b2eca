"""Batch normalisation of ragged batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ("MaskedBatchNorm",)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the rows that a mask marks."""

    def forward(self, rows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises `rows` [..., C] with statistics over those where `mask` [...] is true; over
        all without a mask. The sums are taken in float32 at least.
        """
        if mask is None or not self.training:
            return self._plain(rows.flatten(0, -2)).view_as(rows)
        values = rows.to(torch.promote_types(rows.dtype, torch.float32))
        weight = mask[..., None].to(values.dtype)
        over = tuple(range(rows.dim() - 1))
        count = weight.sum()
        mean = (values * weight).sum(over) / count.clamp(min=1)
        variance = ((values - mean).square() * weight).sum(over) / count.clamp(min=1)
        unbiased = variance.detach() * count / (count - 1).clamp(min=1)
        mean, variance, unbiased = self._or_running(count, mean, variance, unbiased)
        self._update(mean.detach(), unbiased)
        normalised = (values - mean) * torch.rsqrt(variance + self.eps)
        return (normalised * self.weight + self.bias).to(rows.dtype)

    def _or_running(
        self, count: Tensor, mean: Tensor, variance: Tensor, unbiased: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The statistics of `count` rows; of one row, which has no variance, the running ones. On
        CUDA the host does not wait for the number.
        """
        assert self.running_mean is not None
        assert self.running_var is not None
        several = count > 1
        return (
            torch.where(several, mean, self.running_mean),
            torch.where(several, variance, self.running_var),
            torch.where(several, unbiased, self.running_var),
        )

    def _plain(self, rows: Tensor) -> Tensor:
        # One row has no variance: the running statistics serve
        if self.training and rows.shape[0] < 2:
            return nn.functional.batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(rows)

    def _update(self, mean: Tensor, variance: Tensor) -> None:
        momentum = 0.1 if self.momentum is None else self.momentum
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)
