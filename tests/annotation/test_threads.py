"""The same seed gives the same draws, and the same training, whatever the number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.annotation.model import Settings, TrainingData
from vsebench.annotation.throughput import planted_state
from vsebench.annotation.train import Recipe, train
from vsebench.kernels.devices import cpu_threads
from vsebench.plugin import DrawKey
from vsebench_plugins.ens.sampler import VSEens
from vsebench_plugins.sampling.independent import Popularity, Uniform
from vsebench_plugins.sampling.losses import Hinge
from vsebench_plugins.sampling.scored import DNS, SoftmaxOracle, Warp

if TYPE_CHECKING:
    from typing import Any

    from vsebench.annotation.train import Point
    from vsebench.plugin import Draws

STATE = planted_state(400, 300, 16, torch.device("cpu"))
BATCH = 20_000  # with two negatives each, more than torch keeps on one thread
SAMPLERS = [
    Uniform,
    Popularity,
    lambda: Warp(trials=20),
    lambda: DNS(4, 2),
    SoftmaxOracle,
    lambda: VSEens(lam=0.05),
]


@pytest.mark.parametrize("form", ["sample", "vectorised"])
@pytest.mark.parametrize(
    "make", SAMPLERS, ids=["uniform", "popularity", "warp", "dns", "softmax-oracle", "vse-ens"]
)
def test_draws(make: Any, form: str) -> None:
    anchors = torch.arange(BATCH) % 400
    labels = torch.from_numpy(STATE.positives.labels[STATE.positives.offsets[:-1]]).long()[anchors]

    def drawn(threads: int) -> Draws:
        with cpu_threads(threads):
            sampler = make()
            sampler.refresh(STATE)
            found: Draws = getattr(sampler, form)(STATE, anchors, labels, 2, DrawKey(1, 2))
            return found

    one, several = drawn(1), drawn(4)
    assert torch.equal(one.negatives, several.negatives)
    assert torch.equal(one.trials, several.trials)
    assert torch.equal(one.weight, several.weight)


@pytest.mark.parametrize("engine", ["sequential", "minibatch"])
def test_training(engine: Any) -> None:
    settings = Settings(
        updates=16_384, evaluate_every=16_384, engine=engine, dim=16, batch_size=4096, lr=0.05
    )

    def trained(threads: int) -> Point:
        with cpu_threads(threads):
            data = TrainingData(STATE.positives)
            recipe = Recipe(data, settings, VSEens(lam=0.05), Hinge(), seed=0)
            (point,) = train(recipe, lambda model: {})
            return point

    one, several = trained(1), trained(4)
    assert torch.equal(one.model.images, several.model.images)
    assert torch.equal(one.model.labels, several.model.labels)
    assert (one.loss, one.diagnostics) == (several.loss, several.diagnostics)
