"""Pretrained vision models as makers of local features, through transformers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.pretrained import load
from vsebench.retrieval.encoders.vision_families import recipe

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from vsebench.retrieval.encoders.vision_families import Family


class VisionModel(nn.Module):
    """Raw images to the last local features of a pretrained model: the cells of a grid, or patch
    tokens.

    Batch normalisation works in evaluation mode throughout, as VSE-infinity fine-tunes its
    backbones (released code).

    Args:
        model: a folder, or a name on the Hugging Face hub.
        size: side of the images in pixels; 0 for the one that the model was trained with.
        cls: of a transformer, keep the CLS token before the patches; otherwise it is left out.

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
    import transformers

    net = load(getattr(transformers, family.loader), model, **dict(family.options))
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
