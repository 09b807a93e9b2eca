"""What the loss of equal embeddings is, for every loss, and that computing it changes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vsebench import create
from vsebench.plugin import LossCard, LossInputs, LossOutput, OfflineSpec, Progress
from vsebench.plugin.host.loader import load_plugins
from vsebench.retrieval.training.collapse import loss_at_equal
from vsebench.retrieval.training.selection import Spread
from vsebench.retrieval.training.step import Objective

if TYPE_CHECKING:
    from torch import Tensor

START = Progress(0, 0, 1)


def objective(spec: str) -> Objective:
    loss = create("loss", spec, dim=8, batch_size=16)
    component = load_plugins().registry.get("loss", spec.partition(":")[0])
    assert isinstance(component.card, LossCard)
    return Objective(loss, component.card, component.card.offline_for(component.resolve({})))


def spread(cosine: float = 1.0, length: float = 0.5) -> Spread:
    """Of images and captions whose means have this cosine."""
    image, text = torch.zeros(2, 8, dtype=torch.float64)
    image[0] = length
    text[0], text[1] = cosine * length, math.sqrt(1 - cosine**2) * length
    return Spread(cosine, 1.0, 1.0, image, text)


@pytest.mark.parametrize("cosine", [1.0, 0.3, -1.0])
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("triplet", 2 * 16 * 0.2),
        ("triplet:margin=0.5", 2 * 16 * 0.5),
        ("triplet:reduction=mean", 2 * 0.2),
        ("sum-hinge", 2 * 16 * 15 * 0.2),
        ("infonce", np.log(16)),
        ("selhn", 0.2),
        ("aoq", 2 * 16 * 1.5 * 0.2),
    ],
)
def test_most_losses_do_not_mind_where_the_two_points_lie(
    spec: str, expected: float, cosine: float
) -> None:
    found = loss_at_equal(objective(spec), spread(cosine), 16, START)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("cosine", [1.0, 0.3, -1.0])
def test_siglip_does(cosine: float) -> None:
    logit = 10 * cosine - 10
    expected = np.log1p(np.exp(-logit)) + 15 * np.log1p(np.exp(logit))
    assert loss_at_equal(objective("siglip"), spread(cosine), 16, START) == pytest.approx(
        expected, rel=1e-4
    )


def test_every_loss_has_a_plateau_and_keeps_its_state() -> None:
    losses = [
        component.name
        for component in load_plugins().registry
        if component.kind == "loss"
        and isinstance(component.card, LossCard)
        and component.card.task == "retrieval"
    ]
    assert {"aoq", "adaptive", "siglip", "triplet-global"} <= set(losses)
    for name in losses:
        found = objective(name)
        module = found.loss if isinstance(found.loss, torch.nn.Module) else torch.nn.Module()
        before = [tensor.clone() for tensor in module.state_dict().values()]
        assert np.isfinite(loss_at_equal(found, spread(0.5), 16, START))
        after = module.state_dict().values()
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Asking:
    """Draws random numbers, counts its calls and keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[LossInputs] = []

    def __call__(self, inputs: LossInputs) -> LossOutput:
        self.calls.append(inputs)
        noise: Tensor = torch.rand(())
        return LossOutput(noise * 0 + len(self.calls), {"noise": noise})


def test_a_loss_notices_nothing_nor_does_the_generator() -> None:
    loss = Asking()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert loss_at_equal(Objective(loss, LossCard("asks")), spread(), 4, START) == 1.0
    assert loss.calls == []
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loss_gets_all_that_training_gives() -> None:
    seen: list[LossInputs] = []

    def loss(inputs: LossInputs) -> Tensor:
        seen.append(inputs)
        return inputs.image.sum()

    card = LossCard("asks for more", extras=("raw_image", "raw_text"))
    progress = Progress(2, 30, 40)
    spec = OfflineSpec(roles={"near": "image", "far": "text", "further": "text"})
    loss_at_equal(Objective(loss, card, spec), spread(0.6), 4, progress)
    (inputs,) = seen
    assert inputs.image.norm(dim=1).tolist() == pytest.approx([1.0] * 4)
    assert inputs.similarity.flatten().tolist() == pytest.approx([0.6] * 16)
    assert torch.equal(inputs.extras["raw_image"], inputs.image)
    assert torch.equal(inputs.extras["raw_text"], inputs.text)
    assert inputs.offline is not None
    assert set(inputs.offline) == {"near", "far", "further"}
    assert torch.equal(inputs.offline["near"], inputs.image)
    assert torch.equal(inputs.offline["further"], inputs.text)
    assert inputs.sampled is not None
    assert inputs.sampled.text_found.all()
    assert inputs.progress == progress
