"""The label-ranking model, in which the score of a label for an image is the inner product of their
vectors (VSE-ens, §3), its training data and its settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.plugin import Key, Positives


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training split.

    Attributes:
        positives: labels of the n images, at least one pair.
        features: float32 [n, d]; None gives each image a free vector of its own.
        held_out: labels of the same images in other splits; they only serve to count how often a
            sampler draws one of them.

    Raises:
        DataError: there is no pair, or the parts are not of the same images and labels.
    """

    positives: Positives
    features: np.ndarray | None = None
    held_out: Positives | None = None

    def __post_init__(self) -> None:
        n, labels = len(self.positives), self.positives.n_labels
        if self.positives.n_pairs == 0:
            raise DataError("no training image has a label: there is nothing to learn from")
        if self.features is not None and (self.features.ndim != 2 or len(self.features) != n):
            raise DataError(
                f"features of {n:,} images must be [{n}, d], found {list(self.features.shape)}"
            )
        if self.held_out is not None and (len(self.held_out), self.held_out.n_labels) != (
            n,
            labels,
        ):
            raise DataError(
                f"held-out labels are of {len(self.held_out):,} × {self.held_out.n_labels:,}, "
                f"training labels of {n:,} × {labels:,}"
            )


@dataclass(frozen=True)
class Settings:
    """Training settings; the defaults are those published for VSE-ens.

    An update is one positive pair with one negative. With k negatives per pair a pair makes k
    updates.

    Attributes:
        updates: number of updates to train for.
        evaluate_every: updates between two evaluations; the last is at the end.
        engine: `sequential` takes one update after the other, as published; `minibatch` a batch at
            a time, on any device.
        optimiser: optimiser of the mini-batch engine; the sequential one is SGD.
        dim: factors K.
        lr: learning rate.
        l2_image: decay of image vectors, or of the map from features.
        l2_label: decay of label vectors.
        init: initial values of all vectors; `uniform` in ±scale as in the released code, `normal`
            with that deviation as in the paper.
        init_scale: see `init`.
        batch_size: pairs of a step of the mini-batch engine.
        negatives: number of negatives per pair, in the mini-batch engine.

    Raises:
        SpecError: incompatible values.
    """

    updates: int
    evaluate_every: int
    engine: Literal["sequential", "minibatch"] = "sequential"
    optimiser: Literal["sgd", "adagrad", "adam"] = "sgd"
    dim: int = 100
    lr: float = 0.01
    l2_image: float = 0.01
    l2_label: float = 0.01
    init: Literal["uniform", "normal"] = "uniform"
    init_scale: float = 0.01
    batch_size: int = 1024
    negatives: int = 1

    def __post_init__(self) -> None:
        for name in ("updates", "evaluate_every", "dim", "batch_size", "negatives"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.engine == "sequential" and self.optimiser != "sgd":
            raise SpecError(
                f"the sequential engine is SGD: use engine=minibatch for optimiser={self.optimiser}"
            )
        if self.engine == "sequential" and self.negatives != 1:
            raise SpecError(
                "the sequential engine takes one negative per update: use engine=minibatch for "
                f"negatives={self.negatives}"
            )


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
