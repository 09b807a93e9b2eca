"""What a step gives on a rank, for tests: in float64 of small towers, in float32 of a whole run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vsebench.kernels.batch_norm import MaskedBatchNorm
from vsebench.plugin import Key, LossInputs, LossOutput, PoolingOutput, Progress
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.specs import parse_spec
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.observers import Observers
from vsebench.results.spec import RunSpec, read_spec
from vsebench.retrieval.model import seeded
from vsebench.retrieval.parallel.whole_batch import share_statistics, sum_gradients
from vsebench.retrieval.training.session import prepare
from vsebench.retrieval.training.state import Start
from vsebench.retrieval.training.step import Batch, Streams

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.retrieval.parallel.world import World

DIM, WIDTH, LONGEST = 8, 5, 6

Measured = tuple[float, dict[str, np.ndarray]]
"""A loss, and gradients and buffers by name."""


class Tower(nn.Module):
    """A linear map, batch normalisation over valid rows, a pooling."""

    def __init__(self, pooling: Any) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, DIM)
        self.norm = MaskedBatchNorm(DIM)
        self.pooling = pooling

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(features.shape[1]) < lengths[:, None]
        rows = self.norm(self.linear(features), mask)
        pooled = self.pooling(rows, lengths)
        embedding = pooled.embedding if isinstance(pooled, PoolingOutput) else pooled
        return functional.normalize(embedding, dim=1)


def created(kind: str, text: str, **context: int) -> Any:
    name, given = parse_spec(text)
    return load_plugins().registry.get(kind, name).create(given, **context)


def small_step(world: World, pooling: str, loss: str, count: int) -> Measured:
    """A step of `count` pairs in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        towers = nn.ModuleDict(
            {
                side: seeded(Key(3) / side, lambda: Tower(created("pooling", pooling, dim=DIM)))
                for side in ("image", "text")
            }
        ).double()
        objective = created("loss", loss, batch_size=count, dim=DIM)
        generator = torch.Generator().manual_seed(count)
        embedded = {}
        if world.size > 1:
            share_statistics(towers, world)
        for side, tower in towers.items():
            features = torch.randn(count, LONGEST, WIDTH, generator=generator)
            lengths = torch.randint(1, LONGEST + 1, (count,), generator=generator)
            mine = world.part(count)
            embedded[side] = world.gather(tower(features[mine], lengths[mine]), count)
    finally:
        torch.set_default_dtype(torch.float32)
    ids = torch.arange(count) % max(2, count - 2)  # the last two are siblings of the first
    inputs = LossInputs(
        image=embedded["image"],
        text=embedded["text"],
        positives=ids[:, None] == ids,
        similarity=embedded["image"] @ embedded["text"].T,
        image_ids=ids,
        text_ids=torch.arange(count),
        offline=None,
        sampled=None,
        progress=Progress(0, 0, 10),
        extras={},
    )
    value = objective(inputs)
    total = value.loss if isinstance(value, LossOutput) else value
    total.backward()
    own = list(objective.parameters()) if isinstance(objective, nn.Module) else []
    every = [*towers.parameters(), *own]
    sum_gradients(every, {id(p) for p in own}, world, bucket=64)
    named = dict(towers.named_parameters()) | {f"loss.{i}": p for i, p in enumerate(own)}
    found = {name: p.grad for name, p in named.items() if p.grad is not None}
    return float(total.detach()), {
        name: tensor.detach().numpy().copy()
        for name, tensor in (found | dict(towers.named_buffers())).items()
    }


def whole_step(world: World, spec: str, folder: str) -> Measured:
    """The first step of a run."""
    torch.manual_seed(world.rank)
    run = cast("RunSpec", read_spec(spec))
    registry = load_plugins().registry
    directory = RunDirectory(Path(folder))
    observers = Observers.of(run, directory.path)
    session = prepare(Start(run, directory, registry, observers, world=world))
    key, size = Key(1), run.protocol.batch_size
    captions = np.arange(5, 5 + size)
    session.stepper.announce(captions, key / "crops")
    batch = Batch(
        captions,
        session.objective,
        Progress(0, 0, 10),
        0.01,
        Streams((key / "a").generator(), (key / "b").generator()),
        None,
    )
    session.stepper.optimisation.enter(0)
    loss, measured = session.stepper.loss(batch)
    loss.backward()
    objective = session.objective.loss
    own = list(objective.parameters()) if isinstance(objective, nn.Module) else []
    every = [*session.model.parameters(), *own]
    sum_gradients(every, {id(p) for p in own}, world)
    named = dict(session.model.named_parameters())
    named |= {f"loss.{i}": p for i, p in enumerate(own)}
    return float(world.sum(measured["loss"].clone())), {
        name: p.grad.numpy().copy() for name, p in named.items() if p.grad is not None
    }
