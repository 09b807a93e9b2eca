from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from tests.tiny_vision import SIZE, write_vision
from vsebench.plugin import LocalFeatures, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.retrieval.encoders.backbone import BackboneEncoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_vision(tmp_path_factory.mktemp("models") / "resnet", "resnet")


def test_it_projects_the_models_features_and_says_how_many_there_are(resnet: str) -> None:
    encoder = BackboneEncoder(6, resnet, size=SIZE)
    pixels = torch.randint(0, 256, (3, 3, SIZE, SIZE), dtype=torch.uint8)
    out = encoder(pixels, torch.ones(3, dtype=torch.int64))
    assert isinstance(out, LocalFeatures)
    assert out.values.shape == (3, encoder.local_features, 6) == (3, 4, 6)
    assert out.lengths.tolist() == [4, 4, 4]
    torch.testing.assert_close(out.values, encoder.fc(encoder.backbone(pixels)))
    assert encoder(pixels[:0], torch.ones(0, dtype=torch.int64)).values.shape == (0, 4, 6)


def _groups(encoder: BackboneEncoder) -> list[tuple[int, float, float]]:
    return [
        (len(group.parameters), group.lr_factor, group.frozen_epochs)
        for group in encoder.parameter_groups()
    ]


def test_parameter_groups(resnet: str) -> None:
    every = len(list(BackboneEncoder(6, resnet, SIZE).backbone.parameters()))
    assert _groups(BackboneEncoder(6, resnet, SIZE)) == [(every, 0.1, 1), (0, 0.1, math.inf)]
    assert _groups(BackboneEncoder(6, resnet, SIZE, lr_factor=0.01, frozen_epochs=3)) == [
        (every, 0.01, 3),
        (0, 0.01, math.inf),
    ]
    assert _groups(BackboneEncoder(6, resnet, SIZE, frozen=True)) == [
        (0, 0.1, 1),
        (every, 0.1, math.inf),
    ]
    last = BackboneEncoder(6, resnet, SIZE, last_blocks=1)
    count = len(list(last.backbone.blocks[-1].parameters()))
    assert _groups(last) == [(count, 0.1, 1), (every - count, 0.1, math.inf)]
    given = [id(p) for group in last.parameter_groups() for p in group.parameters]
    assert sorted(given) == sorted(id(p) for p in last.backbone.parameters())


def test_senseless_options(resnet: str) -> None:
    with pytest.raises(SpecError, match="train its last 2 blocks"):
        BackboneEncoder(6, resnet, SIZE, frozen=True, last_blocks=2)
    with pytest.raises(SpecError, match="has 3 blocks, last_blocks asks for 9"):
        BackboneEncoder(6, resnet, SIZE, last_blocks=9)


def test_it_is_created_by_name(resnet: str, tmp_path: Path) -> None:
    component = load_plugins().registry.get("image-encoder", "backbone")
    encoder = component.create({"model": resnet, "size": 32, "last_blocks": 1}, in_dim=3, dim=5)
    assert isinstance(encoder, BackboneEncoder)
    assert encoder.fc.out_features == 5
    with pytest.raises(SpecError, match="needs a model: write model=FOLDER or model=NAME"):
        component.create({}, in_dim=3, dim=5)
