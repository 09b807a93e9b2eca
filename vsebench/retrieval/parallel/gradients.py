"""Makes the gradients of every rank those of the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

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
    """What a rank adds: the same number of values on every rank, whatever it has a gradient of."""
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
