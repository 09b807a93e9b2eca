"""From indices of images and captions to the padded, augmented tensors of a training step:
`FeatureBatches` or `RawImageBatches` of images; token ids, or states of a frozen encoder, of
captions.

Random choices are those of the whole batch on every rank; what is built is the rank's part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast
from typing import Protocol as Role

import numpy as np
import torch

from vsebench.retrieval.inputs.augment import (
    PaddedTokens,
    augment_words,
    compact,
    draw_crops,
    keep_features,
    keep_words,
)
from vsebench.retrieval.inputs.padded import Kept, Padded, bucket, to_device, widen
from vsebench.retrieval.inputs.splits import Captions, RawImages
from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vsebench.data.images.decode import Crop
    from vsebench.plugin import Key, RawImageEncoder, Tokeniser
    from vsebench.plugin.cards import FeatureKind
    from vsebench.results.protocol import Protocol
    from vsebench.retrieval.inputs.run_inputs import Inputs
    from vsebench.retrieval.inputs.splits import CaptionStates, ImageFeatures
    from vsebench.retrieval.parallel.world import World


class TextBatches(Role):
    """Builds the text half of training batches; every random choice comes from the generator that
    it is given.
    """

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        """The rank's part of the batch of `captions` [B]."""
        ...


@dataclass(frozen=True)
class TokenBatches:
    """Batches of token ids.

    Attributes:
        table: the training captions.
        tokeniser: tokeniser of the captions.
        rate: share of words masked, replaced or removed.
        device: where the tensors go.
        static: batches are padded to few widths.
        world: ranks that batches are split over.
    """

    table: Captions
    tokeniser: Tokeniser
    rate: float
    device: torch.device
    static: bool = False
    world: World = ALONE

    @cached_property
    def _longest(self) -> int:
        return int(self.table.lengths.max(initial=1))

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        tokens, lengths = self.table.gather(captions)
        padded = PaddedTokens(tokens, self.table.words(captions), lengths)
        changed, keep = augment_words(padded, self.rate, self.tokeniser, rng)
        positions, kept = compact(keep)
        left = np.take_along_axis(changed, positions, axis=1)
        if self.static:
            left = widen(left, bucket(left.shape[1], self._longest))
        mine = self.world.part(len(captions))
        return Padded(to_device(left[mine], self.device), to_device(kept[mine], self.device))


@dataclass(frozen=True)
class StateBatches:
    """Batches of the states that a frozen encoder gives whole captions.

    Attributes:
        table: states of the training captions.
        drop: share of words dropped, with the states of all their pieces.
        static: batches are padded to few widths.
        world: ranks that batches are split over.
    """

    table: CaptionStates
    drop: float
    static: bool = False
    world: World = ALONE

    @cached_property
    def _longest(self) -> int:
        return int(self.table.lengths.max(initial=1))

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> Padded:
        keep = keep_words(self.table.lengths[captions], self.table.words(captions), self.drop, rng)
        positions, kept = compact(keep)
        if self.static:
            positions = widen(positions, bucket(positions.shape[1], self._longest))
        mine = self.world.part(len(captions))
        return Padded(
            self.table.gather(captions[mine], positions[mine]),
            to_device(kept[mine], self.table.device),
        )


class ImageBatches(Role):
    """Builds the image half of training batches; every random choice comes from the generators that
    it is given.
    """

    def announce(self, images: np.ndarray, batch_size: int, key: Key) -> None:
        """Announces the images of the coming epoch's pairs, int64 [n], cut into batches in
        order; the last may be smaller.
        """
        ...

    def pairs(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        """The rank's part of the next announced batch, whose images are `images` [B]."""
        ...

    def others(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        """The rank's part of a batch of any other images [B]."""
        ...


@dataclass(frozen=True)
class FeatureBatches:
    """Batches of features.

    Attributes:
        features: features of the training images.
        kind: kind of the local features.
        drop: share of local features dropped.
        static: batches are padded to few widths.
        world: ranks that batches are split over.
    """

    features: ImageFeatures
    kind: FeatureKind
    drop: float
    static: bool = False
    world: World = ALONE

    def announce(self, images: np.ndarray, batch_size: int, key: Key) -> None:  # noqa: ARG002  # nothing is drawn ahead
        batches = np.split(images, range(batch_size, len(images), batch_size))
        self.features.announce([batch[self.world.part(len(batch))] for batch in batches])

    def pairs(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        mine, positions, lengths = self._thinned(images, rng)
        return Padded(self.features.take(mine, positions), lengths)

    def others(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        mine, positions, lengths = self._thinned(images, rng)
        return Padded(self.features.gather(mine, positions), lengths)

    def _thinned(
        self, images: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, Tensor]:
        """The images of the rank's part [b], the positions [b, n] that stay, and how many of them
        are valid, int64 [b] on the device.
        """
        keep = keep_features(
            self.features.lengths[images], self.features.positions, self.drop, self.kind, rng
        )
        positions, kept = compact(keep)
        if self.static:
            positions = widen(positions, bucket(positions.shape[1], self.features.positions))
        mine = self.world.part(len(images))
        return images[mine], positions[mine], to_device(kept[mine], self.features.device)


class _Epoch(NamedTuple):
    """Announced batches of images [B], and their pixels as they are decoded."""

    images: Iterator[np.ndarray]
    pixels: Iterator[Tensor]


class ImageAugmentation(NamedTuple):
    """How images are augmented.

    Attributes:
        drop: share of local features dropped.
        smallest: share of width and height that a crop keeps at least.
        flip: share of images mirrored.
    """

    drop: float
    smallest: float
    flip: float


class RawImageBatches:
    """Batches of raw images, cropped, resized and mirrored at random (VSE-infinity, released code
    for grid features), decoded ahead of the step.

    The crops come from a stream of the epoch, which the announced order consumes; the local
    features that are dropped are drawn with the words, as for features. The encoder drops them when
    it has computed them.

    Args:
        images: the training images.
        encoder: says the side of the squares that it wants, and how many local features it makes of
            an image.
        augmentation: shares of what is dropped, cropped and mirrored.
        static: the local features that stay are padded to few widths.
        world: ranks that batches are split over.
    """

    def __init__(
        self,
        images: RawImages,
        encoder: RawImageEncoder,
        augmentation: ImageAugmentation,
        static: bool = False,
        world: World = ALONE,
    ) -> None:
        self._images = images
        self._loader = images.loader(encoder.image_size)
        self._local_features = encoder.local_features
        self._augmentation = augmentation
        self._static, self._world = static, world
        self._epoch = _Epoch(iter(()), iter(()))

    def announce(self, images: np.ndarray, batch_size: int, key: Key) -> None:
        batches = np.split(images, range(batch_size, len(images), batch_size))
        rng = key.generator()
        self._epoch = _Epoch(
            iter(batches),
            self._images.batches(self._loader, (self._part(batch, rng) for batch in batches)),
        )

    def pairs(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        announced = next(self._epoch.images, None)
        if announced is None or not np.array_equal(announced, images):
            raise RuntimeError("a training step asks for other images than were announced for it")
        return self._padded(next(self._epoch.pixels), len(images), rng)

    def others(self, images: np.ndarray, rng: np.random.Generator) -> Padded:
        pixels = self._images.to_device(self._loader.batch(*self._part(images, rng)))
        return self._padded(pixels, len(images), rng)

    def _part(self, images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[Crop]]:
        """The images of the rank's part of a batch, and what of them is taken."""
        mine = self._world.part(len(images))
        _, smallest, flip = self._augmentation
        crops = draw_crops(rng, len(images), smallest, flip)
        return images[mine], crops[mine]

    def _padded(self, pixels: Tensor, count: int, rng: np.random.Generator) -> Padded:
        device, mine = self._images.device, self._world.part(count)
        made, drop = self._local_features, self._augmentation.drop
        keep = keep_features(np.full(count, made), made, drop, "grid", rng)
        positions, kept = compact(keep)
        if self._static:
            positions = widen(positions, bucket(positions.shape[1], made))
        return Padded(
            pixels,
            to_device(np.ones(len(pixels), np.int64), device),
            Kept(to_device(positions[mine], device), to_device(kept[mine], device)),
        )


@dataclass(frozen=True)
class Augmenter:
    """Builds augmented training inputs; every random choice comes from the generator that it is
    given.

    Attributes:
        images: builds the image half.
        texts: builds the text half.
        device: where the tensors go.
    """

    images: ImageBatches
    texts: TextBatches
    device: torch.device


def augmenter(
    inputs: Inputs,
    encoder: object,
    protocol: Protocol,
    *,
    static: bool = False,
    world: World = ALONE,
) -> Augmenter:
    """The builder of a run's batches.

    Args:
        inputs: the run's data.
        encoder: encoder of the image tower; one of raw images says what it makes of them.
        protocol: sets how much is dropped, cropped, mirrored, masked and replaced.
        static: batches are padded to few widths, but those of images for an encoder that counts
            padding.
        world: ranks that batches are split over.
    """
    given, texts = inputs.train.images, inputs.train.texts
    wide = static and not getattr(encoder, "count_padding", False)
    images: ImageBatches
    if isinstance(given, RawImages):
        raw = cast("RawImageEncoder", encoder)
        augmentation = ImageAugmentation(
            protocol.drop_regions, protocol.image_crop, protocol.image_flip
        )
        images = RawImageBatches(given, raw, augmentation, wide, world)
    else:
        images = FeatureBatches(given, inputs.feature_kind, protocol.drop_regions, wide, world)
    rate, device = protocol.augment_words, given.device
    return Augmenter(
        images,
        TokenBatches(texts, inputs.tokeniser, rate, device, static, world)
        if isinstance(texts, Captions)
        else StateBatches(texts, rate, static, world),
        device,
    )


def positives(image_ids: Tensor, sibling_mask: bool) -> Tensor:
    """The captions that are not negatives of each image, bool [B, B]: the pair's own and, with
    `sibling_mask`, every caption of the same image.
    """
    if sibling_mask:
        return image_ids[:, None] == image_ids
    return torch.eye(len(image_ids), dtype=torch.bool, device=image_ids.device)
