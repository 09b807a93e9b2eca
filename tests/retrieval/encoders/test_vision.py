"""Local features of pretrained models against plain calls of transformers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
import transformers
from torch import nn

from tests.tiny_vision import SIZE, write_vision
from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.vision import VisionModel, recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("resnet", "convnext", "mobilenet_v2", "vit", "clip")
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@pytest.fixture(scope="session")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder = tmp_path_factory.mktemp("vision")
    return lambda kind: (
        str(folder / kind) if (folder / kind).exists() else write_vision(folder / kind, kind)
    )


def pixels(count: int = 2, size: int = SIZE) -> torch.Tensor:
    return torch.randint(
        0,
        256,
        (count, 3, size, size),
        generator=torch.Generator().manual_seed(1),
        dtype=torch.uint8,
    )


def normalised(images: torch.Tensor, mean: list[float], std: list[float]) -> torch.Tensor:
    return torch.stack([(images[:, c] / 255 - mean[c]) / std[c] for c in range(3)], dim=1)


def plain(path: str, kind: str, images: torch.Tensor, **call: object) -> torch.Tensor:
    """Local features [B, N, C] by hand."""
    loader = transformers.CLIPVisionModel if kind == "clip" else transformers.AutoModel
    net = loader.from_pretrained(path).eval()
    mean, std = {"vit": ([0.5] * 3, [0.5] * 3), "mobilenet_v2": ([0.5] * 3, [0.5] * 3)}.get(
        kind, IMAGENET
    )
    if kind == "clip":
        mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    with torch.no_grad():
        out = net(normalised(images, mean, std), **call).last_hidden_state
        out = getattr(net, "vision_model", net).post_layernorm(out) if kind == "clip" else out
    if out.dim() == 3:
        return out
    return torch.stack(
        [out[:, :, y, x] for y in range(out.shape[2]) for x in range(out.shape[3])], dim=1
    )


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_those_of_the_model_itself(vision, kind: str) -> None:
    size = SIZE if kind in ("vit", "clip") else 64
    model = VisionModel(vision(kind), size).eval()
    with torch.no_grad():
        found = model(pixels(size=size))
    expected = plain(vision(kind), kind, pixels(size=size))
    expected = expected[:, 1:] if kind in ("vit", "clip") else expected
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.shape == (2, model.local_features, model.width)
    assert expected.std(dim=1).mean() > 1e-3  # the cells differ, or their order would not be tested


def test_mobilenet_sees_pixels_between_minus_one_and_one(vision) -> None:
    model = VisionModel(vision("mobilenet_v2"))
    torch.testing.assert_close((pixels() - model.mean) / model.std, pixels() / 127.5 - 1)


@pytest.mark.parametrize("kind", ["vit", "clip"])
def test_the_cls_token_comes_first_when_it_is_kept(vision, kind: str) -> None:
    kept, left_out = VisionModel(vision(kind), cls=True).eval(), VisionModel(vision(kind)).eval()
    with torch.no_grad():
        features = kept(pixels())
        torch.testing.assert_close(features[:, 1:], left_out(pixels()))
    torch.testing.assert_close(features, plain(vision(kind), kind, pixels()), rtol=1e-4, atol=1e-5)
    assert kept.local_features == left_out.local_features + 1 == 17


@pytest.mark.parametrize("kind", KINDS)
def test_other_sizes_give_other_numbers_of_features(vision, kind: str) -> None:
    model = VisionModel(vision(kind), 48).eval()
    call = {"interpolate_pos_encoding": True} if kind in ("vit", "clip") else {}
    expected = plain(vision(kind), kind, pixels(size=48), **call)
    expected = expected[:, 1:] if call else expected
    with torch.no_grad():
        torch.testing.assert_close(model(pixels(size=48)), expected, rtol=1e-4, atol=1e-5)
    assert (model.image_size, model.local_features) == (48, expected.shape[1])


def test_a_models_own_preprocessor_goes_before_its_family(tmp_path: Path) -> None:
    path = write_vision(tmp_path / "own", "vit")
    assert (recipe(path).family.mean, recipe(path).size) == ((0.5, 0.5, 0.5), SIZE)
    settings = {
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
        "size": {"height": 40, "width": 40},
    }
    (tmp_path / "own" / "preprocessor_config.json").write_text(json.dumps(settings))
    found = recipe(path)
    assert (found.family.mean, found.family.std, found.size) == (
        (0.1, 0.2, 0.3),
        (0.4, 0.5, 0.6),
        40,
    )
    settings |= {
        "size": {"shortest_edge": 48},
        "crop_size": {"height": 32, "width": 32},
        "image_mean": 0.25,
        "image_std": None,
    }
    (tmp_path / "own" / "preprocessor_config.json").write_text(json.dumps(settings))
    found = recipe(path)
    assert (found.family.mean, found.family.std, found.size) == (
        (0.25, 0.25, 0.25),
        (0.5, 0.5, 0.5),
        32,
    )
    (tmp_path / "own" / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    assert recipe(path, 24).family.std == (1.0, 1.0, 1.0)
    assert recipe(path, 24).size == 24
    for name, value in [
        ("image_std", [1]),
        ("image_std", 0.0),
        ("image_std", [0.5, 0.5, -5]),
        ("image_mean", [0.5, None, 0.5]),
        ("image_mean", float("nan")),
        ("image_mean", "0.5"),
    ]:
        (tmp_path / "own" / "preprocessor_config.json").write_text(json.dumps({name: value}))
        with pytest.raises(SpecError, match=rf"preprocessor_config\.json: {name} is"):
            recipe(path)


@pytest.mark.parametrize("kind", ["resnet", "mobilenet_v2"])
def test_batch_normalisation_never_leaves_evaluation_mode(vision, kind: str) -> None:
    model = VisionModel(vision(kind))
    before = {
        name: value.clone()
        for name, value in model.state_dict().items()
        if "running" in name or "tracked" in name
    }
    assert len(before) > 3
    assert model.train().training
    assert model.net.training
    assert not any(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    alone, together = model(pixels()[:1]), model(pixels())
    torch.testing.assert_close(alone, together[:1], rtol=1e-4, atol=1e-5)
    for name, value in before.items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("kind", "count", "first", "last"),
    [
        ("resnet", 1, "encoder.stages.2", "encoder.stages.2"),
        ("resnet", 2, "encoder.stages.1", "encoder.stages.2"),
        ("mobilenet_v2", 1, "layer.15", "conv_1x1"),
        ("clip", 1, "encoder.layers.2", "post_layernorm"),
        ("convnext", 1, "encoder.stages.1", "layernorm"),
    ],
)
def test_the_last_blocks_and_what_comes_after_them(
    vision, kind: str, count: int, first: str, last: str
) -> None:
    model = VisionModel(vision(kind))
    chosen = {id(p) for p in model.last_parameters(count)}
    names = [name for name, parameter in model.net.named_parameters() if id(parameter) in chosen]
    # some releases of transformers put a name of their own before these
    assert names[0].removeprefix("vision_model.").startswith(first)
    assert names[-1].removeprefix("vision_model.").startswith(last)
    every = [name for name, _ in model.net.named_parameters()]
    assert names == every[every.index(names[0]) :]


def test_of_all_blocks_only_what_comes_before_is_left_out(vision) -> None:
    model = VisionModel(vision("vit"))
    chosen = {id(p) for p in model.last_parameters(3)}
    assert {
        name.split(".")[0] for name, p in model.net.named_parameters() if id(p) not in chosen
    } == {"embeddings"}
    with pytest.raises(SpecError, match="3 blocks, last_blocks asks for 4"):
        model.last_parameters(4)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputed_activations_change_no_gradient(vision, kind: str) -> None:
    plainly, again = VisionModel(vision(kind)), VisionModel(vision(kind))
    again.recompute_activations()
    for model in (plainly, again):
        model(pixels()).square().mean().backward()
    for (name, a), b in zip(plainly.named_parameters(), again.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None), name
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-7)
    assert again.state_dict().keys() == plainly.state_dict().keys()


def _without_head(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(path / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "stages.1" not in name},
        path / "model.safetensors",
        metadata={"format": "pt"},
    )


def _config(path: Path, **changes: object) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: _config(path, model_type="bert"),
            "is of type 'bert'",
        ),
        (lambda path: (path / "config.json").write_text("{"), r"config\.json is not JSON"),
        (
            lambda path: (path / "config.json").write_text("[]"),
            r"config\.json is not a JSON object",
        ),
        (_without_head, "lacks \\d+ of the weights of ResNetModel"),
        (lambda path: (path / "model.safetensors").write_bytes(b"\0" * 100), "cannot be loaded"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, damage, message: str
) -> None:
    path = write_vision(tmp_path / "model", "resnet")
    damage(tmp_path / "model")
    with pytest.raises(SpecError, match=message) as error:
        VisionModel(path, 32)
    assert "\n" not in str(error.value)


def test_sizes_and_tokens_that_a_model_does_not_have(vision, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="has no CLS token: cls=true is for transformers"):
        VisionModel(vision("resnet"), SIZE, cls=True)
    with pytest.raises(SpecError, match="does not take images of 4 × 4 pixels"):
        VisionModel(vision("vit"), 4)
    with pytest.raises(SpecError, match="takes images of 1 channels: expected 3"):
        VisionModel(write_vision(tmp_path / "grey", "resnet", num_channels=1), SIZE)
