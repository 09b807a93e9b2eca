"""Samplers and training on a GPU: the CPU's draws, and nearly the CPU's model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vsebench.annotation.model import Settings, TrainingData
from vsebench.annotation.throughput import planted_state
from vsebench.annotation.train import Recipe, train
from vsebench.plugin import DrawKey, SamplerState
from vsebench_plugins.ens.sampler import VSEens
from vsebench_plugins.sampling.independent import Popularity, Uniform
from vsebench_plugins.sampling.losses import Hinge
from vsebench_plugins.sampling.scored import DNS, SoftmaxOracle, Warp

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize(
    "make",
    [
        Uniform,
        Popularity,
        lambda: Warp(trials=20),
        lambda: DNS(4, 2),
        SoftmaxOracle,
        lambda: VSEens(lam=0.05),
    ],
)
def test_draws_are_those_of_the_cpu(make: Any) -> None:
    """All but a few, where a sum of scores rounds to the other side."""
    cpu = planted_state(500, 300, 16, torch.device("cpu"))
    gpu = SamplerState(cpu.P.cuda(), cpu.Q.cuda(), cpu.positives)
    anchors = torch.arange(500).repeat(8)
    labels = torch.from_numpy(cpu.positives.labels[cpu.positives.offsets[:-1]]).long().repeat(8)
    here, there = make(), make()
    here.refresh(cpu)
    there.refresh(gpu)
    ours = here.sample(cpu, anchors, labels, 2, DrawKey(1, 2))
    theirs = there.sample(gpu, anchors.cuda(), labels.cuda(), 2, DrawKey(1, 2))
    assert (ours.negatives == theirs.negatives.cpu()).double().mean() > 0.998
    assert (ours.trials == theirs.trials.cpu()).double().mean() > 0.998


@pytest.mark.parametrize("optimiser", ["sgd", "adagrad", "adam"])
def test_training_gives_the_cpus_model(optimiser: Any) -> None:
    data = TrainingData(planted_state(200, 50, 8, torch.device("cpu")).positives)
    settings = Settings(
        updates=2048,
        evaluate_every=1024,
        engine="minibatch",
        optimiser=optimiser,
        dim=8,
        batch_size=64,
        lr=0.05,
    )
    cpu, gpu = (
        list(train(Recipe(data, settings, Uniform(), Hinge(), 0, device), lambda model: {}))
        for device in ("cpu", "cuda")
    )
    torch.testing.assert_close(
        cpu[-1].model.labels, gpu[-1].model.labels.cpu(), rtol=1e-3, atol=1e-4
    )
    assert gpu[-1].loss == pytest.approx(cpu[-1].loss, rel=1e-3)
    assert min(gpu[-1].seconds.values()) >= 0
