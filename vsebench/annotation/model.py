"""The label-ranking model: the score of a label for an image is the inner product of their vectors
(VSE-ens, §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.annotation.settings import Settings, TrainingData
    from vsebench.plugin import Key


@dataclass(eq=False)
class Model:
    """Vectors of images and labels, without bias or normalisation.

    Attributes:
        images: float32, the free vectors [n, K] of the training images, or the map [d, K] from
            features to vectors.
        labels: float32 [A, K].
        mapped: whether `images` is a map.
    """

    images: Tensor
    labels: Tensor
    mapped: bool

    @classmethod
    def initial(
        cls, data: TrainingData, settings: Settings, key: Key, device: torch.device
    ) -> Model:
        """Random vectors, the same on every device."""
        rows = len(data.positives) if data.features is None else data.features.shape[1]
        images, labels = (
            _random(size, settings, (key / name).generator()).to(device)
            for name, size in (("images", rows), ("labels", data.positives.n_labels))
        )
        return cls(images, labels, data.features is not None)

    def vectors(self, features: np.ndarray | Tensor | None = None) -> Tensor:
        """Vectors [m, K] of the images with those features [m, d]; of the training images when
        their vectors are free.
        """
        if not self.mapped:
            assert features is None, "free vectors know no features"
            return self.images
        return (
            torch.as_tensor(features, dtype=torch.float32, device=self.images.device) @ self.images
        )


def _random(rows: int, settings: Settings, generator: np.random.Generator) -> Tensor:
    """[rows, K], drawn in float32 in place."""
    out = torch.empty(rows, settings.dim)
    if settings.init == "normal":
        generator.standard_normal(out=out.numpy(), dtype="float32")
        return out.mul_(settings.init_scale)
    generator.random(out=out.numpy(), dtype="float32")
    return out.mul_(2).sub_(1).mul_(settings.init_scale)
