"""Batch normalisation with the statistics of the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vsebench.kernels.batch_norm import MaskedBatchNorm

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.retrieval.parallel.world import World


def share_statistics(module: nn.Module, world: World) -> None:
    """Has every batch normalisation inside a module take the statistics of all ranks. Parameters,
    buffers and their names stay.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, SharedBatchNorm(child, world))
        else:
            share_statistics(child, world)


class SharedBatchNorm(nn.Module):
    """Does what a batch normalisation does, over the rows of all ranks.

    Args:
        norm: batch normalisation, with the parameters and buffers to be taken over.
        world: the ranks.
    """

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm, world: World) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean: Tensor | None
        self.running_var: Tensor | None
        self.num_batches_tracked: Tensor | None
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self.eps, self.momentum = norm.eps, norm.momentum
        self._rows_last = isinstance(norm, MaskedBatchNorm)
        self._world = world
        self.train(norm.training)

    def forward(self, rows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises the channels of `rows`: the last axis of what a `MaskedBatchNorm` takes, with
        statistics over those where `mask` is true, and else the second.
        """
        if not self._rows_last and rows.dim() > 2:
            return self.forward_rows(rows.movedim(1, -1), None).movedim(-1, 1)
        return self.forward_rows(rows, mask)

    def forward_rows(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        """The same, channels last."""
        values = rows.to(torch.promote_types(rows.dtype, torch.float32))
        mean, variance = self.running_mean, self.running_var
        if self.training or mean is None or variance is None:
            mean, variance = self._statistics(values, mask)
        normalised = (values - mean) * torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            normalised = normalised * self.weight + self.bias
        return normalised.to(rows.dtype)

    def _statistics(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and biased variance of every channel over the rows of all ranks."""
        over = tuple(range(values.dim() - 1))
        weight = (
            values.new_ones(*values.shape[:-1], 1)
            if mask is None
            else mask[..., None].to(values.dtype)
        )
        summed = self._sum(torch.cat([(values * weight).sum(over), weight.sum().view(1)]))
        count = summed[-1].detach()
        size = count.clamp(min=1)
        mean = summed[:-1] / size
        variance = self._sum(((values - mean).square() * weight).sum(over)) / size
        unbiased = variance.detach() * count / (count - 1).clamp(min=1)
        if self.running_mean is not None and self.running_var is not None:
            # One row has no variance, as in `MaskedBatchNorm`
            mean = torch.where(count > 1, mean, self.running_mean)
            variance = torch.where(count > 1, variance, self.running_var)
            unbiased = torch.where(count > 1, unbiased, self.running_var)
        if self.training:
            if mask is None and self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
            self._update(mean.detach(), unbiased)
        return mean, variance

    def _update(self, mean: Tensor, variance: Tensor) -> None:
        for running, found in ((self.running_mean, mean), (self.running_var, variance)):
            if running is not None:
                running.lerp_(found.to(running.dtype), self._momentum)

    @property
    def _momentum(self) -> float:
        """How much of the running statistics a batch is."""
        if self.momentum is not None:
            return self.momentum
        if self._rows_last or self.num_batches_tracked is None:
            return 0.1
        return 1 / int(self.num_batches_tracked)

    def _sum(self, values: Tensor) -> Tensor:
        summed: Tensor = _Sum.apply(values, self._world)  # type: ignore[no-untyped-call]
        return summed


class _Sum(torch.autograd.Function):
    """The sum of every rank's values, of which every rank's are a part: gradients are summed
    too.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, world: World) -> Tensor:
        ctx.world = world
        return world.sum(values.detach().clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.world.sum(gradients[0].contiguous().clone()), None
