"""Vision models and image sets small enough to be made in a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 180, 40),
    "blue": (40, 40, 210),
    "white": (240, 240, 240),
    "black": (15, 15, 15),
    "yellow": (220, 210, 40),
}
PLACES = ("left", "right", "above", "below")
SIZE = 32
FORMS = (
    "a {} thing {}",
    "the {} one is {}",
    "there is {} here {}",
    "{} it stands {}",
    "some {} seen {}",
)


def write_vision(folder: Path, kind: str, *, seed: int = 0, **changes: Any) -> str:
    """A random model of a kind, for images of 32 pixels: `resnet`, `convnext`, `mobilenet_v2`,
    `vit` or `clip` (with its text half).
    """
    import transformers as hf

    transformer = {
        "hidden_size": 12,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": SIZE,
        "patch_size": 8,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if kind == "resnet":
            sizes = {
                "embedding_size": 8,
                "hidden_sizes": [8, 12, 16],
                "depths": [1, 1, 1],
                "layer_type": "basic",
            }
            model = hf.ResNetModel(hf.ResNetConfig(**{**sizes, **changes}))
        elif kind == "convnext":
            model = hf.ConvNextModel(
                hf.ConvNextConfig(
                    **{
                        "hidden_sizes": [8, 12],
                        "depths": [1, 1],
                        "num_stages": 2,
                        "image_size": SIZE,
                        **changes,
                    }
                )
            )
        elif kind == "mobilenet_v2":
            # with a head, as published weights have one
            model = hf.MobileNetV2ForImageClassification(
                hf.MobileNetV2Config(
                    **{"depth_multiplier": 0.1, "min_depth": 4, "image_size": SIZE, **changes}
                )
            )
        elif kind == "vit":
            model = hf.ViTForImageClassification(hf.ViTConfig(**{**transformer, **changes}))
        else:
            text = {
                "hidden_size": 12,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 16,
                "vocab_size": 20,
            }
            model = hf.CLIPModel(
                hf.CLIPConfig(
                    text_config=text, vision_config={**transformer, **changes}, projection_dim=8
                )
            )
        _stir(model)
        model.save_pretrained(folder)
    return str(folder)


def _stir(model: torch.nn.Module) -> None:
    """Gives batch normalisation statistics of its own, and every weight some size: fresh models put
    out almost nothing.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4 / parameter[0].numel() ** 0.25)


def draw_image(colour: str, place: str, rng: np.random.Generator) -> Image.Image:
    """A coloured half of a noisy grey image."""
    pixels = rng.integers(90, 140, (SIZE, SIZE, 3)).astype(np.uint8)
    half = SIZE // 2
    box = {
        "left": np.s_[:, :half],
        "right": np.s_[:, half:],
        "above": np.s_[:half],
        "below": np.s_[half:],
    }[place]
    pixels[box] = COLOURS[colour]
    return Image.fromarray(pixels)


def write_image_set(root: Path, sizes: tuple[int, int, int] = (40, 12, 12)) -> Path:
    """A set in the precomp layout whose images are files: `images/NUMBER.png`, with ids and a map
    from ids to files. Captions name colour and place.
    """
    (root / "images").mkdir(parents=True)
    mapping, number = {}, 0
    for split, count in zip(("train", "dev", "test"), sizes, strict=True):
        rng = np.random.default_rng([count, len(split)])
        ids, lines = [], []
        for _ in range(count):
            colour, place = str(rng.choice(list(COLOURS))), str(rng.choice(PLACES))
            draw_image(colour, place, rng).save(root / "images" / f"{number:04d}.png")
            mapping[str(900 + number)] = f"{number:04d}.png"
            ids.append(str(900 + number))
            lines += [form.format(colour, place) for form in FORMS]
            number += 1
        (root / f"{split}_ids.txt").write_text("".join(f"{i}\n" for i in ids))
        (root / f"{split}_caps.txt").write_text("".join(f"{line}\n" for line in lines))
    (root / "id_mapping.json").write_text(json.dumps(mapping))
    return root
