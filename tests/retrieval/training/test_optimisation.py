"""Learning rates of every group at every epoch, as the published protocols have them, and what an
update moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from tests.retrieval.training.test_groups import Encoder, model_of
from vsebench.plugin import Progress
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.retrieval.training.optimisation import Optimisation
from vsebench.retrieval.training.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 4  # of an epoch


def schedule_of(protocol: Protocol) -> Schedule:
    return Schedule(protocol, STEPS * protocol.batch_size)


def cut_at(epoch: int, lr: float) -> Callable[[int], float]:
    return lambda e: lr if e < epoch else lr / 10


PUBLISHED: dict[str, Callable[[int], float]] = {
    "vse-infinity": cut_at(15, 5e-4),
    "vse-infinity-bert": cut_at(15, 5e-4),
    "vse-infinity-grid": cut_at(15, 5e-4),
    "vse-infinity-grid-bert": cut_at(15, 5e-4),
    "vse++": cut_at(15, 2e-4),
    "aoq": cut_at(10, 2e-4),
    "uvs": lambda e: 2e-4,
    "2ad": cut_at(15, 5e-4),
    "2ad-published": lambda e: 5e-4 if e < 15 else 5e-4 * 0.1 ** (e - 14),
}
"""The learning rate of each epoch, counted from 0."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_rate_of_every_epoch_is_the_published_one(name: str) -> None:
    schedule = schedule_of(PRESETS[name])
    for epoch in range(PRESETS[name].epochs):
        for step in (0, STEPS - 1):
            assert schedule.lr(epoch * STEPS + step) == pytest.approx(
                PUBLISHED[name](epoch), rel=1e-9
            )


def test_compounding_is_the_product_that_the_released_code_makes() -> None:
    """It multiplies the rate by 0.1 to the power of epoch // 15 at the start of each epoch; from
    epoch 30 on twice.
    """
    schedule, lr = (
        schedule_of(
            PRESETS["2ad-published"].model_copy(update={"epochs": 40, "lr_decay_at": 15 / 40})
        ),
        5e-4,
    )
    for epoch in range(40):
        lr *= 0.1 ** (epoch // 15)
        assert schedule.lr(epoch * STEPS) == pytest.approx(lr, rel=1e-9)


def test_cosine_rises_then_falls_to_zero() -> None:
    schedule = schedule_of(Protocol(lr=1.0, lr_schedule="cosine", lr_warmup_epochs=1, epochs=3))
    rates = [schedule.lr(step) for step in range(3 * STEPS)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4] == 1.0
    assert rates[8] == pytest.approx(0.5)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_a_rise_as_long_as_the_run_never_falls() -> None:
    schedule = schedule_of(Protocol(lr=1.0, lr_schedule="cosine", lr_warmup_epochs=5, epochs=2))
    assert [schedule.lr(step) for step in range(8)] == pytest.approx(
        [(step + 1) / 8 for step in range(8)]
    )


def test_groups_follow_the_rate_by_their_factors_and_rise_in_the_first_epoch_that_they_train() -> (
    None
):
    """VSE-infinity on grids: the backbone at 0.1 of the rate, frozen in epoch 0; BERT at 0.1 from
    the start.
    """
    protocol = PRESETS["vse-infinity-grid-bert"].model_copy(update={"clip_norm": 1e9})
    assert protocol.weight_decay == 1e-4
    optimisation = Optimisation(
        model_of(Encoder(0.1, 1), Encoder(0.1, 0)), object(), schedule_of(protocol)
    )
    for epoch in (0, 1, 2, 14, 15, 24):
        for step in range(STEPS):
            rest, backbone, bert = take_step(optimisation, epoch, step)
            lr = 5e-4 if epoch < 15 else 5e-5
            rise = (step + 1) / STEPS if epoch == 1 else 1
            assert (rest, bert) == pytest.approx((lr, 0.1 * lr))
            if epoch:
                assert backbone == pytest.approx(0.1 * lr * rise)


def take_step(optimisation: Optimisation, epoch: int, step: int) -> list[float]:
    """One update of a loss that reaches every parameter; the learning rate of each group in it."""
    total = optimisation.schedule.total
    progress = Progress(epoch, epoch * STEPS + step, total)
    optimisation.enter(epoch)
    loss = sum(
        (p.square().sum() for p in optimisation.model.parameters() if p.requires_grad),
        torch.zeros(()),
    )
    optimisation.update(loss, optimisation.schedule.lr(progress.step), progress)
    return [group["lr"] for group in optimisation.optimiser.param_groups]


def test_the_released_code_scales_the_loss_instead() -> None:
    protocol = Protocol(unfreeze="loss", epochs=3, clip_norm=1e9, lr=1.0, lr_decay=1)
    model = model_of(Encoder(0.5, 1))
    optimisation = Optimisation(model, object(), schedule_of(protocol))
    for epoch in range(3):
        for step in range(STEPS):
            weight = model.text.encoder.weight.detach().clone()
            assert take_step(optimisation, epoch, step) == [1.0, 0.5]
            scale = step / STEPS if epoch == 1 else 1
            torch.testing.assert_close(model.text.encoder.weight.grad, 2 * weight * scale)


def test_frozen_parameters_do_not_move_by_a_bit_and_get_no_state() -> None:
    torch.manual_seed(0)
    image = Encoder(0.1, 2)
    optimisation = Optimisation(
        model_of(image), object(), schedule_of(Protocol(epochs=3, lr=0.1, weight_decay=0.5))
    )
    before = {name: value.clone() for name, value in image.body.state_dict().items()}
    for epoch in (0, 1):
        take_step(optimisation, epoch, 0)
        image.body(torch.randn(5, 3))
    for name, value in image.body.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not any(p in optimisation.optimiser.state for p in image.body.parameters())
    take_step(optimisation, 2, 0)
    assert all(optimisation.optimiser.state[p]["step"] == 1 for p in image.body.parameters())
    assert not torch.equal(image.body[0].weight, before["0.weight"])


def test_adam_decays_through_the_gradient_and_adamw_apart_from_it() -> None:
    """With a gradient of zero, AdamW shrinks a weight by lr · decay; Adam sees the decay as its
    only gradient, and moves by lr.
    """
    moved = {}
    for name in ("adam", "adamw"):
        model = model_of(nn.Linear(3, 2, bias=False))
        nn.init.ones_(model.image.encoder.weight)
        optimisation = Optimisation(
            model, object(), schedule_of(Protocol(optimiser=name, lr=0.1, weight_decay=0.5))
        )
        optimisation.enter(0)
        optimisation.update(model.image.encoder.weight.sum() * 0, 0.1, Progress(0, 0, 100))
        moved[name] = 1 - model.image.encoder.weight[0, 0].item()
    assert moved["adamw"] == pytest.approx(0.1 * 0.5, rel=1e-4)
    assert moved["adam"] == pytest.approx(0.1, rel=1e-4)


def test_a_fused_update_counts_as_a_new_version_of_what_it_moved_only() -> None:
    image = Encoder(0.1, 1)
    optimisation = Optimisation(model_of(image), object(), schedule_of(Protocol(epochs=3)))
    head, body = image.head.weight._version, image.body[0].weight._version
    take_step(optimisation, 0, 0)
    assert image.head.weight._version > head
    assert image.body[0].weight._version == body


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_rates_on_the_device_move_parameters_as_others_do(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    for types in (set(), {"cpu"}):
        monkeypatch.setattr("vsebench.retrieval.training.optimisation.RATES_ON_DEVICE", types)
        torch.manual_seed(0)
        protocol = Protocol(optimiser=name, lr=0.01, epochs=3, weight_decay=0.3)
        optimisation = Optimisation(model_of(Encoder(0.1, 1)), object(), schedule_of(protocol))
        first = [group["lr"] for group in optimisation.optimiser.param_groups]
        rates = [
            [float(rate) for rate in take_step(optimisation, epoch, step)]
            for epoch in range(3)
            for step in range(STEPS)
        ]
        moved.append((rates, list(optimisation.model.state_dict().values())))
        if types:  # the numbers change, and not the tensors: an update that is captured sees them
            now = [group["lr"] for group in optimisation.optimiser.param_groups]
            assert all(one is other for one, other in zip(first, now, strict=True))
    torch.testing.assert_close(moved[0][0], moved[1][0], rtol=1e-6, atol=0)
    assert len({tuple(rates) for rates in moved[0][0]}) > 3
    torch.testing.assert_close(moved[0][1], moved[1][1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("types", [set(), {"cpu"}])
def test_a_restored_optimiser_goes_on_as_the_first_would_have(
    types: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsebench.retrieval.training.optimisation.RATES_ON_DEVICE", types)

    def fresh() -> Optimisation:
        torch.manual_seed(0)
        return Optimisation(
            model_of(Encoder(0.1, 1)), object(), schedule_of(Protocol(epochs=3, lr=0.1))
        )

    whole, first, second = fresh(), fresh(), fresh()
    for optimisation in (whole, first):
        for step in range(STEPS):
            take_step(optimisation, 0, step)
    second.model.load_state_dict(first.model.state_dict())
    second.load_state_dict(first.state_dict())
    for optimisation in (whole, second):
        for step in range(STEPS):
            take_step(optimisation, 1, step)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], value, rtol=0, atol=0)
