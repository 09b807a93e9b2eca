"""What a pooling costs beside mean and max: reported, never judged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import torch

from vsebench.testing.poolings.ragged import Ragged, pool, square_sum
from vsebench.testing.subject import find

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vsebench.testing.subject import Subject

BATCH = Ragged(tuple(10 + i % 27 for i in range(64)), rows=36, dim=256)
REPETITIONS = 5


@dataclass(frozen=True)
class Cost:
    """Of one forward and backward pass over `BATCH` on the CPU.

    Attributes:
        name: name of the pooling.
        milliseconds: median of some passes.
        saved_mb: megabytes that the forward pass keeps for the backward pass.
        parameters: how many it has.
    """

    name: str
    milliseconds: float
    saved_mb: float
    parameters: int


def costs(subject: Subject) -> list[Cost]:
    """Of the pooling, then of `mean` and of `max`, measured in turns in this process."""
    subjects = [subject, *(find("pooling", name) for name in ("mean", "max"))]
    poolings = [each.build(dim=BATCH.dim) for each in subjects]
    features, lengths = BATCH.tensors()
    features.requires_grad_()
    for pooling in poolings:
        _seconds(pooling, features, lengths)  # compiles kernels
    rounds = [
        [_seconds(pooling, features, lengths) for pooling in poolings] for _ in range(REPETITIONS)
    ]
    return [
        Cost(
            each.spec,
            1e3 * median(seconds),
            _saved_bytes(pooling, features, lengths) / 1e6,
            sum(p.numel() for p in pooling.parameters()),
        )
        for each, pooling, seconds in zip(
            subjects, poolings, zip(*rounds, strict=True), strict=True
        )
    ]


def _seconds(pooling: nn.Module, features: Tensor, lengths: Tensor) -> float:
    start = time.perf_counter()
    torch.autograd.backward(square_sum(pool(pooling, features, lengths)))
    return time.perf_counter() - start


def _saved_bytes(pooling: nn.Module, features: Tensor, lengths: Tensor) -> int:
    """Bytes saved for the backward pass, beside features and parameters."""
    saved: dict[int, int] = {}
    own = {tensor.untyped_storage().data_ptr() for tensor in (features, *pooling.parameters())}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive = pool(pooling, features, lengths)  # kept, so that no storage is used twice
        total = sum(saved.values())
    del alive
    return total
