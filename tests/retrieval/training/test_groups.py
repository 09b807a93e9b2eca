"""Groups of parameters: what encoders may name, and what freezing does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from vsebench.plugin import ParameterGroup, PluginError
from vsebench.results.protocol import Protocol
from vsebench.retrieval.model import Model, Tower
from vsebench.retrieval.training.groups import enter_epoch, trained_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOCOL = Protocol(epochs=4, weight_decay=0.03)


class Encoder(nn.Module):
    """A body with batch statistics and dropout, and a head."""

    def __init__(self, lr_factor: float = 0.1, frozen_epochs: float = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.head = nn.Linear(3, 2)
        self.pace = lr_factor, frozen_epochs

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        return [ParameterGroup(list(self.body.parameters()), *self.pace)]


def model_of(image: nn.Module, text: nn.Module | None = None) -> Model:
    return Model(
        Tower(image, nn.Linear(2, 2)), Tower(text or nn.Linear(3, 2), nn.Identity()), nn.Identity()
    )


def test_without_groups_everything_is_one_group_in_the_order_of_the_model() -> None:
    model = model_of(nn.Linear(3, 2))
    (group,) = trained_groups(model, object(), PROTOCOL)
    assert [id(p) for p in group.parameters] == [id(p) for p in model.parameters()]
    assert (group.weight_decay, group.lr_factor, group.frozen_epochs) == (0.03, 1.0, 0)


def test_what_an_encoder_does_not_name_trains_with_factor_1_from_the_start() -> None:
    image = Encoder(0.1, 2)
    model = model_of(image, Encoder(0.05, 0))
    loss = nn.Linear(1, 1)
    rest, body, text, own = trained_groups(model, loss, PROTOCOL)
    assert {id(p) for p in rest.parameters} >= {id(p) for p in image.head.parameters()}
    assert [id(p) for p in body.parameters] == [id(p) for p in image.body.parameters()]
    assert [(g.lr_factor, g.frozen_epochs, g.weight_decay) for g in (rest, body, text, own)] == [
        *((1.0, 0, 0.03), (0.1, 2, 0.03), (0.05, 0, 0.03), (1.0, 0, 0.0))
    ]
    every = [id(p) for g in (rest, body, text, own) for p in g.parameters]
    assert sorted(every) == sorted(map(id, [*model.parameters(), *loss.parameters()]))


@pytest.mark.parametrize("frozen", [4, math.inf])
def test_what_no_epoch_unfreezes_is_in_no_group_and_does_not_count_as_trainable(
    frozen: float,
) -> None:
    image = Encoder(0.1, frozen)
    model = model_of(image)
    groups = trained_groups(model, object(), PROTOCOL)
    assert len(groups) == 1
    assert not any(p.requires_grad for p in image.body.parameters())
    assert model.parameter_count == sum(p.numel() for p in groups[0].parameters)
    enter_epoch(model, groups, 3)
    assert not any(part.training for part in image.body.modules())


def test_decay_on_matrices_spares_vectors_of_every_group() -> None:
    groups = trained_groups(
        model_of(Encoder()), nn.Linear(1, 1), PROTOCOL.model_copy(update={"decay_on": "matrices"})
    )
    assert all(
        group.weight_decay == (0.03 if p.ndim > 1 else 0)
        for group in groups[:-2]
        for p in group.parameters
    )
    assert [group.weight_decay for group in groups[-2:]] == [0, 0]
    assert {group.lr_factor for group in groups} == {1.0, 0.1}


def test_a_warm_start_has_nothing_to_wait_for() -> None:
    groups = trained_groups(model_of(Encoder(0.1, 2)), object(), PROTOCOL, warm_start=True)
    assert [group.frozen_epochs for group in groups] == [0, 0]
    assert (
        trained_groups(
            model_of(image := Encoder(0.1, math.inf)), object(), PROTOCOL, warm_start=True
        )[0].lr_factor
        == 1
    )
    assert not any(p.requires_grad for p in image.body.parameters())


def test_freezing_stops_statistics_and_dropout_and_nothing_else() -> None:
    image = Encoder(0.1, 1)
    model = model_of(image)
    groups = trained_groups(model, object(), PROTOCOL)
    enter_epoch(model, groups, 0)
    assert not any(part.training for part in image.body.modules())
    assert image.training
    assert image.head.training
    assert model.text.training
    before = image.body[1].running_mean.clone()
    assert not image.body(torch.randn(5, 3)).requires_grad  # no graph
    torch.testing.assert_close(image.body[1].running_mean, before, rtol=0, atol=0)
    enter_epoch(model, groups, 1)
    assert all(part.training for part in image.modules())
    assert all(p.requires_grad for p in image.parameters())
    image.body(torch.randn(5, 3))
    assert not torch.equal(image.body[1].running_mean, before)


@pytest.mark.parametrize("case", ["twice", "foreign"])
def test_groups_that_are_not_a_partition_of_the_encoder_are_refused(case: str) -> None:
    image = Encoder()
    own, other = list(image.body.parameters()), nn.Linear(1, 1)
    groups = [
        ParameterGroup(own),
        ParameterGroup(own[:1] if case == "twice" else list(other.parameters())),
    ]
    image.parameter_groups = lambda: groups  # type: ignore[method-assign]
    with pytest.raises(PluginError, match=r"Encoder\.parameter_groups\(\) .*one group only"):
        trained_groups(model_of(image), object(), PROTOCOL)


@pytest.mark.parametrize(
    "values", [(-0.1, 0), (math.nan, 0), (math.inf, 0), (1, -1), (1, math.nan)]
)
def test_a_group_that_means_nothing_is_refused(values: tuple[float, float]) -> None:
    with pytest.raises(PluginError, match="neither below 0"):
        ParameterGroup([], *values)
