"""Features of frozen encoders, computed once and kept (protocol key `frozen_features`): shared by
every run, seed and process that reads the same items with the same model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from vsebench.data.images.decode import verify_images
from vsebench.data.kept import keep
from vsebench.results.provenance import versions
from vsebench.retrieval.encode import evaluating
from vsebench.retrieval.extract import half
from vsebench.retrieval.inputs.padded import to_device
from vsebench.retrieval.inputs.run_inputs import keeps_features
from vsebench.retrieval.inputs.splits import Captions, CaptionStates, ImageFeatures
from vsebench.retrieval.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from vsebench.plugin import FrozenEncoder, ParameterGroup, RawImageEncoder
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.run_inputs import Inputs, SplitInputs
    from vsebench.retrieval.inputs.splits import RawImages

    Report = Callable[[dict[str, object]], None]

_IMAGES = 32
_CAPTIONS, _TOGETHER = 2048, 64
"""Captions of a block, which is held in memory, and of a pass, which have similar lengths."""

_REPORT_EVERY = 0.5  # seconds


class Head(nn.Module):
    """The part of a frozen encoder that trains, in the encoder's place: it reads kept features."""

    def __init__(self, encoder: FrozenEncoder) -> None:
        super().__init__()
        self.head = encoder.head
        self.reads_half = isinstance(self.head, nn.Linear)
        own = {id(p) for p in self.head.parameters()}
        groups: Sequence[ParameterGroup] = getattr(encoder, "parameter_groups", list)()
        self._groups = [
            replace(group, parameters=[p for p in group.parameters if id(p) in own])
            for group in groups
        ]

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # each row by itself
        """[B, N, width] to [B, N, D]."""
        return self.head(features)  # type: ignore[no-any-return]

    def parameter_groups(self) -> list[ParameterGroup]:
        return [group for group in self._groups if group.parameters]


@dataclass(frozen=True)
class Frozen:
    """An encoder that was taken out of a model.

    Attributes:
        encoder: whole.
        component: component of the run.
    """

    encoder: FrozenEncoder
    component: ComponentRef


def untrained(spec: RunSpec, registry: Registry, inputs: Inputs) -> tuple[Model, dict[str, Frozen]]:
    """The untrained model of a run on the CPU; where its protocol keeps features, with the heads of
    frozen encoders, and the encoders beside it, by side.
    """
    model = build(spec, registry, in_dim=inputs.in_dim, vocabulary_size=len(inputs.tokeniser))
    return model, take_frozen(model, spec, registry)


def take_frozen(model: Model, spec: RunSpec, registry: Registry) -> dict[str, Frozen]:
    """Takes the encoders whose features a protocol keeps out of a model, by side; their heads stay
    in their places.
    """
    taken = {}
    for side, tower, component in (
        ("image", model.image, spec.image_encoder),
        ("text", model.text, spec.text_encoder),
    ):
        if keeps_features(spec.protocol, f"{side}-encoder", component, registry):
            encoder = cast("FrozenEncoder", tower.encoder)
            taken[side] = Frozen(encoder, component)
            tower.encoder = Head(encoder)
    return taken


def _ignore(event: dict[str, object]) -> None:
    """Takes progress that nobody watches."""


@dataclass(frozen=True)
class Keeper:
    """Replaces the inputs of frozen encoders by their features.

    Attributes:
        taken: the encoders, as `untrained` gives them.
        spec: the run.
        device: device to compute on.
        report: receives progress.
    """

    taken: dict[str, Frozen]
    spec: RunSpec
    device: torch.device
    report: Report = _ignore

    def inputs(self, inputs: Inputs) -> Inputs:
        """The inputs of a run with features.

        Raises:
            DataError: a feature is too large for half precision, or the disk too small.
            WriteError: the cache cannot be written.
        """
        for side in self.taken:
            inputs = inputs.changed(partial(self._side, side))
        return replace(inputs, feature_kind="grid") if "image" in self.taken else inputs

    def split(self, split: SplitInputs, name: str) -> SplitInputs:
        """One split with features. Progress calls it `name`.

        Raises:
            DataError: as `inputs`.
            WriteError: likewise.
        """
        for side in self.taken:
            split = self._side(side, split, name)
        return split

    def _side(self, side: str, split: SplitInputs, name: str) -> SplitInputs:
        what = f"{side} features of {name}"
        work = _Work(self.taken[side], what, self.spec, self.device, self.report)
        if side == "image":
            return replace(split, images=work.images(cast("RawImages", split.images)))
        return replace(split, texts=work.texts(cast("Captions", split.texts)))


def compute_images(
    frozen: Frozen, images: RawImages, spec: RunSpec, device: torch.device
) -> ImageFeatures:
    """The features of images that are needed once: as kept ones, but in memory."""
    work = _Work(frozen, "image features", spec, device, _ignore)
    encoder = cast("RawImageEncoder", frozen.encoder)
    return work.image_features(
        images, np.concatenate([*work.of_images(images, encoder.image_size)])
    )


def compute_texts(
    frozen: Frozen, texts: Captions, spec: RunSpec, device: torch.device
) -> CaptionStates:
    """The states of captions that are needed once: as kept ones, but in memory."""
    work = _Work(frozen, "text features", spec, device, _ignore)
    return CaptionStates(np.concatenate([*work.of_texts(texts)]), texts, device)


@dataclass
class _Work:
    """Makes one table."""

    frozen: Frozen
    what: str
    spec: RunSpec
    device: torch.device
    report: Report
    _reported: float = 0.0

    def images(self, images: RawImages) -> ImageFeatures:
        encoder = cast("RawImageEncoder", self.frozen.encoder)
        count = encoder.local_features
        features = self._kept(
            verify_images(images.source),
            (len(images), count, self.frozen.encoder.width),
            lambda: self.of_images(images, encoder.image_size),
        )
        return self.image_features(images, features)

    def image_features(self, images: RawImages, features: np.ndarray) -> ImageFeatures:
        """Features [n, local features, width] as those of the images."""
        count = cast("RawImageEncoder", self.frozen.encoder).local_features
        return ImageFeatures(features, np.full(len(images), count, np.int64), self.device)

    def texts(self, texts: Captions) -> CaptionStates:
        states = self._kept(
            texts.digest(),
            (int(texts.lengths.sum()), self.frozen.encoder.width),
            lambda: self.of_texts(texts),
        )
        return CaptionStates(states, texts, self.device)

    def _kept(
        self, content: str, shape: tuple[int, ...], compute: Callable[[], Iterator[np.ndarray]]
    ) -> np.ndarray:
        encoder, component = self.frozen.encoder, self.frozen.component
        key: dict[str, Any] = {
            "format": 1,
            "encoder": [component.distribution, component.name.rpartition("::")[2]],
            "version": component.version,
            "settings": dict(encoder.settings),
            "inputs": content,
            "shape": list(shape),
            "device": self.device.type,
            "threads": self.spec.protocol.threads,
            "libraries": versions(("torch", "transformers", "pillow")),
        }
        return keep(
            "frozen-features",
            key,
            shape,
            compute,
            lambda: self.report({"event": "waiting", "what": self.what}),
        )

    def of_images(self, images: RawImages, size: int) -> Iterator[np.ndarray]:
        """The features in order, float16 blocks [b, local features, width]."""
        encoder = self._ready()
        blocks = [
            np.arange(start, min(start + _IMAGES, len(images)))
            for start in range(0, len(images), _IMAGES)
        ]
        pixels = images.batches(images.loader(size), ((block, None) for block in blocks))
        with evaluating(encoder):
            for block, batch in zip(blocks, pixels, strict=True):
                ones = to_device(np.ones(len(block), np.int64), self.device)
                features = encoder.features(batch, ones)
                yield half(features, block, lambda row: f"image {images.source.where(row)}")
                self._tell(int(block[-1]) + 1, len(images))

    def of_texts(self, texts: Captions) -> Iterator[np.ndarray]:
        """The states of all tokens in order, float16 blocks [b, width]."""
        encoder = self._ready()
        with evaluating(encoder):
            for start in range(0, len(texts), _CAPTIONS):
                block = np.arange(start, min(start + _CAPTIONS, len(texts)))
                lengths = texts.lengths[block]
                starts = np.cumsum(lengths) - lengths
                states = np.empty((int(lengths.sum()), self.frozen.encoder.width), np.float16)
                order = np.argsort(lengths, kind="stable")
                for first in range(0, len(order), _TOGETHER):
                    part = order[first : first + _TOGETHER]
                    values = encoder.features(*texts.batch(block[part], self.device)[:2])
                    steps = np.arange(values.shape[1])
                    valid = steps < lengths[part][:, None]
                    states[(starts[part][:, None] + steps)[valid]] = half(
                        values[to_device(valid, self.device)],
                        np.repeat(block[part], lengths[part]),
                        "caption {}".format,
                    )
                    self._tell(start + first + len(part), len(texts))
                yield states

    def _ready(self) -> Any:
        return cast("Any", self.frozen.encoder).to(self.device)

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY or done == total:
            self._reported = now
            self.report({"event": "computing", "what": self.what, "done": done, "total": total})
