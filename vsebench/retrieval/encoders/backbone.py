"""The image encoder of raw images: a pretrained vision model and one linear layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from vsebench.plugin import LocalFeatures, ParameterGroup, SpecError
from vsebench.retrieval.encoders.features import xavier_linear
from vsebench.retrieval.encoders.pretrained import own_head
from vsebench.retrieval.encoders.vision import VisionModel

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import Scalar


class BackboneEncoder(nn.Module):
    """`fc(features)` of a pretrained model's last local features (VSE-infinity, grid features:
    section 5.1 and supplementary section 1.1).

    The pretrained model is frozen for the first epochs, then trained at a rate of its own; `fc`
    trains from the start. Batch normalisation of the pretrained model works in evaluation mode
    throughout.

    Args:
        dim: size D of the shared space.
        model: a folder, or a name on the Hugging Face hub.
        size: side of the images in pixels; 0 for the one that the model was trained with.
        cls: whether the CLS token of a transformer is the first local feature; otherwise it is left
            out.
        frozen: the pretrained model never trains.
        last_blocks: only this many of its last stages or layers train, and what comes after them; 0
            for all of it.
        lr_factor: factor of the learning rate, for the pretrained model.
        frozen_epochs: epochs before the pretrained model trains.
        recompute: activations of its blocks are computed again in the backward pass (gradient
            checkpointing).
        head: `new` begins with a random linear layer; `own`, of a model such as CLIP, with its
            projection, at the rate of the pretrained model.

    Raises:
        SpecError: the model cannot be loaded or used as asked.
    """

    def __init__(  # noqa: PLR0913  # a component's parameters
        self,
        dim: int,
        model: str,
        size: int = 0,
        cls: bool = False,
        frozen: bool = False,
        last_blocks: int = 0,
        lr_factor: float = 0.1,
        frozen_epochs: int = 1,
        recompute: bool = False,
        head: str = "new",
    ) -> None:
        super().__init__()
        if frozen and last_blocks:
            raise SpecError(
                "image encoder 'backbone' is asked to freeze its model and to train its last "
                f"{last_blocks} blocks: give one of the two"
            )
        self.backbone = VisionModel(model, size, cls)
        self.fc = (
            own_head(model, "visual_projection", dim)
            if head == "own"
            else xavier_linear(self.backbone.width, dim)
        )
        trained = (
            self.backbone.last_parameters(last_blocks)
            if last_blocks
            else list(self.backbone.parameters())
        )
        self._trained = [] if frozen else trained
        self._lr_factor, self._frozen_epochs, self._own_head = (
            lr_factor,
            frozen_epochs,
            head == "own",
        )
        if recompute:
            self.backbone.recompute_activations()

    @property
    def image_size(self) -> int:
        return self.backbone.image_size

    @property
    def local_features(self) -> int:
        return self.backbone.local_features

    @property
    def normalisation(self) -> dict[str, list[float]]:
        """Mean and standard deviation that normalise pixels in 0..255, by channel."""
        return {
            "mean": self.backbone.mean.flatten().tolist(),
            "std": self.backbone.std.flatten().tolist(),
        }

    def forward(self, pixels: Tensor, lengths: Tensor) -> LocalFeatures:
        """`pixels` uint8 [B, 3, S, S] to [B, N, D], every one of the N valid."""
        features = self.fc(self.features(pixels, lengths))
        return LocalFeatures(features, torch.full_like(lengths, features.shape[1]))

    @property
    def head(self) -> nn.Linear:
        return self.fc

    @property
    def width(self) -> int:
        return self.backbone.width

    @property
    def settings(self) -> dict[str, Scalar]:
        return {"size": self.image_size, "local_features": self.local_features}

    def features(self, pixels: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # all are valid
        """The model's last local features [B, N, width] of `pixels` uint8 [B, 3, S, S]."""
        return self.backbone(pixels)  # type: ignore[no-any-return]

    def parameter_groups(self) -> list[ParameterGroup]:
        trained = {id(p) for p in self._trained}
        still = [p for p in self.backbone.parameters() if id(p) not in trained]
        return [
            ParameterGroup(self._trained, self._lr_factor, self._frozen_epochs),
            ParameterGroup(still, self._lr_factor, math.inf),
            *(
                [ParameterGroup(list(self.fc.parameters()), self._lr_factor)]
                if self._own_head
                else []
            ),
        ]
