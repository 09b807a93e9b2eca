"""Pretrained vision models of transformers as extractors of local features. Families of models
differ in how they are loaded, how pixels are normalised and which of their outputs are local
features.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from vsebench.files import read_json
from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.pretrained import load, model_folder

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Parameter

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
        mean: mean of each channel, of pixels in 0..1; subtracted.
        std: standard deviation of each channel; divided by.
        loader: the class of transformers that loads it without heads.
        options: options of the class at loading.
        call: options of a call.
        tokens: whether it puts out a CLS token and patch tokens [B, 1 + h·w, C] instead of a map
            [B, C, h, w].
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
    """Preprocessing of a model: its family with the model's own constants, and the side of its
    images in pixels.
    """

    family: Family
    size: int


def recipe(model: str, size: int = 0) -> Recipe:
    """The recipe of a model, from its own configuration.

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
    vision = config.get("vision_config")
    return Recipe(
        _with_constants(FAMILIES[kind], own, preprocessor),
        size
        or _own_size(own)
        or _own_size(vision if isinstance(vision, dict) else config)
        or _DEFAULT_SIZE,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} is not a JSON object")
    return content


def _with_constants(family: Family, own: dict[str, Any], path: Path) -> Family:
    """The family with the mean and the standard deviation of a preprocessor's configuration, where
    it has them.

    Raises:
        SpecError: they are none.
    """
    if not own.get("do_normalize", True):
        return replace(family, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    mean, std = (
        default if own.get(name) is None else _triple(own[name], f"{path}: {name}")
        for name, default in (("image_mean", family.mean), ("image_std", family.std))
    )
    if min(std) <= 0:
        raise SpecError(f"{path}: image_std is {std}, expected numbers above 0")
    return replace(family, mean=mean, std=std)


def _triple(value: object, where: str) -> Triple:
    values: list[Any] = value if isinstance(value, list) else [value] * 3
    if len(values) != 3 or not all(map(_is_number, values)):
        raise SpecError(f"{where} is {value!r:.80}, expected a number, or one for each channel")
    return (float(values[0]), float(values[1]), float(values[2]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < sys.float_info.max


def _own_size(settings: dict[str, Any]) -> int:
    """The side of the images in a preprocessor's or a model's configuration; 0 where it does not
    say.
    """
    for key in ("crop_size", "size", "image_size"):
        value = settings.get(key)
        if isinstance(value, dict):
            value = value.get("height") or value.get("shortest_edge")
        if isinstance(value, int) and value > 0:
            return value
    return 0


class VisionModel(nn.Module):
    """Raw images to the last local features of a pretrained model: the cells of a grid, or patch
    tokens.

    Batch normalisation works in evaluation mode throughout, as VSE-infinity fine-tunes its
    backbones (released code).

    Args:
        model: a folder, or a name on the Hugging Face hub.
        size: side of the images in pixels; 0 for the one that the model was trained with.
        cls: whether the CLS token of a transformer is kept before the patches; otherwise it is left
            out.

    Raises:
        SpecError: the model cannot be loaded, is no vision model, has no CLS token to keep, or
            cannot take images of that size.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: str, size: int = 0, cls: bool = False) -> None:
        super().__init__()
        settings = recipe(model, size)
        self._family = settings.family
        if cls and not self._family.tokens:
            raise SpecError(
                f"model '{model}' has no CLS token: cls=true is for transformers such as ViT and "
                "CLIP"
            )
        self._first = 0 if cls or not self._family.tokens else 1
        self.image_size = settings.size
        self.net = _load(settings.family, model)
        self.register_buffer(
            "mean", 255 * torch.tensor(self._family.mean).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", 255 * torch.tensor(self._family.std).view(1, 3, 1, 1), persistent=False
        )
        self.local_features, self.width = self._measure(model)

    def forward(self, pixels: Tensor) -> Tensor:
        """`pixels` uint8 [B, 3, S, S], RGB, to features [B, N, C], row by row from the upper
        left.
        """
        values = (pixels - self.mean) / self.std
        output = self.net(pixel_values=values, **dict(self._family.call)).last_hidden_state
        if not self._family.tokens:
            return output.flatten(2).transpose(1, 2)  # type: ignore[no-any-return]
        if self._family.norm:
            output = getattr(getattr(self.net, "vision_model", self.net), self._family.norm)(output)
        return output[:, self._first :]  # type: ignore[no-any-return]

    def train(self, mode: bool = True) -> VisionModel:
        super().train(mode)
        for module in self.net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    @property
    def blocks(self) -> nn.ModuleList:
        """The model's stages or layers in order: the outermost list of modules."""
        return next(module for module in self.net.modules() if isinstance(module, nn.ModuleList))

    def last_parameters(self, count: int) -> list[Parameter]:
        """The parameters of the last `count` blocks, and of what comes after them.

        Raises:
            SpecError: the model has fewer blocks.
        """
        blocks = self.blocks
        if count > len(blocks):
            raise SpecError(
                f"the backbone has {len(blocks)} blocks, last_blocks asks for {count}: give at "
                f"most {len(blocks)}"
            )
        earlier = {id(p) for block in blocks[: len(blocks) - count] for p in block.parameters()}
        inside = {id(p) for p in blocks.parameters()}
        every = list(self.net.parameters())
        # What is registered before the blocks is what works before them
        start = next(i for i, p in enumerate(every) if id(p) in inside)
        return [p for p in every[start:] if id(p) not in earlier]

    def recompute_activations(self) -> None:
        """Keeps only what goes into a block for the backward pass, and computes the rest again:
        less memory for a third more time.
        """
        for block in self.blocks:
            block.forward = functools.partial(_recomputed, block.forward)

    def _measure(self, model: str) -> tuple[int, int]:
        """Number and width of the local features, seen on an empty image."""
        try:
            with torch.inference_mode():
                _, count, width = self.eval()(
                    torch.zeros(1, 3, self.image_size, self.image_size, dtype=torch.uint8)
                ).shape
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise SpecError(
                f"model '{model}' does not take images of {self.image_size} × {self.image_size} "
                f"pixels ({reason}): give another size"
            ) from error
        self.train()
        return int(count), int(width)


def _load(family: Family, model: str) -> Any:
    """The model without heads."""
    net = load(family.loader, model, **dict(family.options))
    channels = getattr(net.config, "num_channels", 3)
    if channels != 3:
        raise SpecError(f"model '{model}' takes images of {channels} channels: expected 3, for RGB")
    return net


def _recomputed(forward: Any, *args: Any, **kwargs: Any) -> Any:
    return (
        checkpoint(forward, *args, use_reentrant=False, **kwargs)
        if torch.is_grad_enabled()
        else forward(*args, **kwargs)
    )
