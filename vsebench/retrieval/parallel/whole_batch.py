"""What makes a step on several ranks that of the whole batch: summed gradients, and batch
normalisation with the statistics of all ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vsebench.kernels.batch_norm import MaskedBatchNorm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from torch import Tensor
    from torch.nn import Parameter

    from vsebench.retrieval.parallel.world import World

_BUCKET = 16 << 20
"""Numbers that are sent at a time: 64 MiB of float32, which a copy of them takes."""


def sum_gradients(
    parameters: Iterable[Parameter], whole: Collection[int], world: World, bucket: int = _BUCKET
) -> None:
    """Adds up what each rank has of the gradients.

    Args:
        parameters: all that train, in the same order on every rank.
        whole: `id` of those whose gradient every rank has whole, since it computes the loss of the
            whole batch: the first rank's is taken, so that all ranks have the same to the last bit.
        world: the ranks.
        bucket: numbers sent at a time.
    """
    if world.size == 1:
        return
    for group in _buckets(parameters, bucket):
        sent = torch.cat([_sent(p, whole, world).flatten() for p in group])
        summed = torch.split(world.sum(sent), [p.numel() for p in group])
        for parameter, values in zip(group, summed, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(values.view_as(parameter))


def _sent(parameter: Parameter, whole: Collection[int], world: World) -> Tensor:
    """A rank's addend: the same number of values on every rank, whatever it has a gradient of."""
    gradient = parameter.grad
    if gradient is None or (id(parameter) in whole and not world.leads):
        return torch.zeros_like(parameter)
    return gradient


def _buckets(parameters: Iterable[Parameter], bucket: int) -> Iterator[list[Parameter]]:
    """Parameters that are sent together: of one type, and not too many numbers."""
    group: list[Parameter] = []
    numbers = 0
    for parameter in parameters:
        if group and (numbers + parameter.numel() > bucket or parameter.dtype != group[0].dtype):
            yield group
            group, numbers = [], 0
        group.append(parameter)
        numbers += parameter.numel()
    if group:
        yield group


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
        """Weight of a batch in the running statistics."""
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
