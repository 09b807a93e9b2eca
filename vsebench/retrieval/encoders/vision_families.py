"""What differs between the families of vision models that transformers has: how to load them, how
pixels are normalised, what they put out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.pretrained import model_folder

if TYPE_CHECKING:
    from pathlib import Path

Triple = tuple[float, float, float]

_IMAGENET: tuple[Triple, Triple] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF: tuple[Triple, Triple] = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
_CLIP: tuple[Triple, Triple] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)


@dataclass(frozen=True)
class Family:
    """A family of vision models.

    Attributes:
        mean: of each channel, of pixels in 0..1; subtracted.
        std: of each channel; divided by.
        loader: the class of transformers that loads it without heads.
        options: for the class, at loading.
        call: options of a call.
        tokens: it puts out a CLS token and patch tokens [B, 1 + h·w, C] instead of a map [B, C, h,
            w].
        norm: a final normalisation that the class applies to its pooled output only, and that local
            features need too.
    """

    mean: Triple
    std: Triple
    loader: str = "AutoModel"
    options: tuple[tuple[str, Any], ...] = ()
    call: tuple[tuple[str, Any], ...] = ()
    tokens: bool = False
    norm: str = ""


_ANY_SIZE = (("interpolate_pos_encoding", True),)
_CLIP_FAMILY = Family(
    *_CLIP, loader="CLIPVisionModel", call=_ANY_SIZE, tokens=True, norm="post_layernorm"
)

FAMILIES = {
    "resnet": Family(*_IMAGENET),
    "convnext": Family(*_IMAGENET),
    "convnextv2": Family(*_IMAGENET),
    "mobilenet_v2": Family(*_HALF),  # pixels / 127.5 − 1
    "vit": Family(*_HALF, options=(("add_pooling_layer", False),), call=_ANY_SIZE, tokens=True),
    "clip": _CLIP_FAMILY,
    "clip_vision_model": _CLIP_FAMILY,
}
"""By `model_type` of a model's configuration. The constants are those of the published weights; a
model's own `preprocessor_config.json` goes before.
"""

_DEFAULT_SIZE = 224


@dataclass(frozen=True)
class Recipe:
    """How a model is fed: its family with the model's own constants, and the side of its images in
    pixels.
    """

    family: Family
    size: int


def recipe(model: str, size: int = 0) -> Recipe:
    """Reads what a model says of itself.

    Args:
        model: a folder, or a name on the hub.
        size: side of the images; 0 for the one that the model was trained with.

    Raises:
        SpecError: there is no such model, or it is of no known family.
    """
    folder = model_folder(model)
    config = _read(folder / "config.json")
    kind = str(config.get("model_type", ""))
    if kind not in FAMILIES:
        raise SpecError(
            f"model '{model}' is of type '{kind}', which is no vision model that can be used: "
            f"expected one of {', '.join(sorted(FAMILIES))}"
        )
    preprocessor = folder / "preprocessor_config.json"
    own = _read(preprocessor) if preprocessor.is_file() else {}
    return Recipe(
        _with_constants(FAMILIES[kind], own),
        size or _own_size(own) or _own_size(config.get("vision_config", config)) or _DEFAULT_SIZE,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} is not a JSON object")
    return content


def _with_constants(family: Family, own: dict[str, Any]) -> Family:
    """The family with the mean and the standard deviation of a preprocessor's configuration, where
    it has them.
    """
    if not own.get("do_normalize", True):
        return replace(family, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    mean, std = (
        _triple(own.get(name), default)
        for name, default in (("image_mean", family.mean), ("image_std", family.std))
    )
    return replace(family, mean=mean, std=std)


def _triple(value: object, default: Triple) -> Triple:
    if isinstance(value, int | float):
        return (float(value),) * 3
    if isinstance(value, list) and len(value) == 3:
        return (float(value[0]), float(value[1]), float(value[2]))
    return default


def _own_size(settings: dict[str, Any]) -> int:
    """The side of the images in a preprocessor's or a model's configuration; 0 where it does not
    say.
    """
    for key in ("crop_size", "size", "image_size"):
        value = settings.get(key)
        if isinstance(value, dict):
            value = value.get("height") or value.get("shortest_edge")
        if isinstance(value, int):
            return value
    return 0
