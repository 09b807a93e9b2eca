"""Offline negatives: mined once, over the whole training set, and drawn for each batch by the
loss's own draw from the lists that were mined for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.kernels.hardest import hardest
from vsebench.plugin import (
    DataError,
    MiningInputs,
    OfflineBatch,
    OfflineLists,
    PluginError,
    Positives,
)
from vsebench.retrieval.inputs.padded import to_device

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import Key, OfflineSpec

_BLOCK = 256  # anchors, on the CPU
_DEVICE_SCORES = 1 << 27  # elsewhere: 512 MiB, so that launching kernels is not what takes the time


def clip(spec: OfflineSpec, text_to_image: np.ndarray, images: int) -> tuple[int, int]:
    """List lengths (captions per image, images per caption) that the data set can fill, at most
    those of the spec.

    Raises:
        DataError: there is one image only, and so no negative.
    """
    most = int(np.bincount(text_to_image, minlength=images).max())
    if images < 2:
        raise DataError(
            f"a training set of {images} image and {len(text_to_image)} captions has no offline "
            "negatives: a negative belongs to another image"
        )
    return min(spec.text_h, len(text_to_image) - most), min(spec.image_h, images - 1)


class Embedded(NamedTuple):
    """A training set.

    Attributes:
        image: [n, D] image embeddings.
        text: [m, D] caption embeddings.
        text_to_image: int64 [m], the image of each caption.
    """

    image: Tensor
    text: Tensor
    text_to_image: np.ndarray


def mine(embedded: Embedded, spec: OfflineSpec, key: Key, block: int | None = None) -> OfflineLists:
    """Exact lists of offline negatives over the whole training set.

    Args:
        embedded: training set.
        spec: list lengths, and what is mined.
        key: source of random lists.
        block: anchors scored at a time; bounds the memory at block × m scores. By default 256, and
            on CUDA as many as give half a GiB of scores.

    Raises:
        DataError: the training set has no negatives.
        PluginError: the spec's own `mine` made something else than lists of negatives.
    """
    images, text_to_image = len(embedded.image), embedded.text_to_image
    inputs = MiningInputs(*embedded, *clip(spec, text_to_image, images), key=key)
    if callable(spec.mine):
        lists = spec.mine(inputs)
        check_lists(lists, text_to_image, images)
        return OfflineLists(lists.texts.astype(np.int32), lists.images.astype(np.int32))
    return _random(inputs) if spec.mine == "random" else _hard(inputs, block)


def check_lists(lists: OfflineLists, text_to_image: np.ndarray, images: int) -> None:
    """Refuses lists that are not of negatives.

    Raises:
        PluginError: they are of another shape or type, or hold an index that no item has or an item
            of the anchor's own.
    """
    captions = len(text_to_image)
    if not isinstance(lists, OfflineLists):
        raise PluginError(f"a 'mine' gave a {type(lists).__name__}: it must give OfflineLists")
    owners = np.arange(images)
    for name, found, anchors, items, anchor_owner, owner in (
        ("texts", lists.texts, images, captions, owners, text_to_image),
        ("images", lists.images, captions, images, text_to_image, owners),
    ):
        if found.ndim != 2 or len(found) != anchors or not np.issubdtype(found.dtype, np.integer):
            raise PluginError(
                f"a 'mine' gave {name} of shape {list(found.shape)} and type {found.dtype}: they "
                f"must be integers [{anchors}, h]"
            )
        if ((found < 0) | (found >= items)).any():
            raise PluginError(f"a 'mine' gave {name} outside 0 to {items - 1}")
        if (own := (owner[found] == anchor_owner[:, None]).any(axis=1)).any():
            raise PluginError(
                f"a 'mine' gave {name} that are no negatives: row {np.argmax(own)} holds an item "
                "of its own image"
            )


def _hard(inputs: MiningInputs, block: int | None) -> OfflineLists:
    image, text = inputs.image, inputs.text
    owner = to_device(inputs.text_to_image, image.device)
    images = torch.arange(len(image), device=image.device)
    return OfflineLists(
        _hardest((image, images), (text, owner), inputs.text_h, block),
        _hardest((text, owner), (image, images), inputs.image_h, block),
    )


def _hardest(
    anchors_of: tuple[Tensor, Tensor], items_of: tuple[Tensor, Tensor], h: int, block: int | None
) -> np.ndarray:
    """For each anchor the `h` items of highest inner product among those of another image, int32
    [anchors, h]. Both sides are embeddings with the image of each. A device is waited for once,
    when all anchors are done.
    """
    (anchors, anchor_image), (items, item_image) = anchors_of, items_of
    found = torch.zeros(len(anchors), h, dtype=torch.int32, device=anchors.device)
    if block is None:
        on_cpu = anchors.device.type == "cpu"
        block = _BLOCK if on_cpu else max(1, _DEVICE_SCORES // max(1, len(items)))
    for start in range(0, len(anchors) if h else 0, block):
        part = slice(start, start + block)
        found[part] = hardest(anchors[part] @ items.T, anchor_image[part], item_image, h)
    return found.cpu().numpy()


def _random(inputs: MiningInputs) -> OfflineLists:
    rng, owner = inputs.key.generator(), inputs.text_to_image
    images = np.arange(len(inputs.image))
    return OfflineLists(
        _any(images, owner, inputs.text_h, rng), _any(owner, images, inputs.image_h, rng)
    )


def _any(
    anchor_group: np.ndarray, item_group: np.ndarray, h: int, rng: np.random.Generator
) -> np.ndarray:
    """For each anchor `h` uniformly random items of another group, int32 [anchors, h]."""
    drawn = rng.integers(len(item_group), size=(len(anchor_group), h), dtype=np.int32)
    while (own := item_group[drawn] == anchor_group[:, None]).any():
        drawn[own] = rng.integers(len(item_group), size=int(own.sum()), dtype=np.int32)
    return drawn


class OfflineIndices(NamedTuple):
    """Items that play the offline roles in a batch, int64 [B] each.

    Attributes:
        texts: captions by role.
        images: images by role.
    """

    texts: dict[str, np.ndarray]
    images: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class OfflineNegatives:
    """Draws the offline negatives of a loss.

    Attributes:
        loss: its spec, for messages.
        spec: spec of its negatives.
        lists: mined for it.
        text_to_image: int64 [m], the image of each training caption.
        sibling_mask: the protocol's.
    """

    loss: str
    spec: OfflineSpec
    lists: OfflineLists
    text_to_image: np.ndarray
    sibling_mask: bool

    @cached_property
    def captions_of(self) -> Positives:
        """The captions of each training image."""
        captions = np.arange(len(self.text_to_image))
        images = len(self.lists.texts)
        return Positives.from_pairs(self.text_to_image, captions, images, len(captions))

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> OfflineBatch:
        """The candidates that the loss draws from, for a batch of `captions` int64 [B]."""
        return OfflineBatch(
            captions, self.lists, self.text_to_image, self.captions_of, self.sibling_mask, rng
        )

    def draw(self, captions: np.ndarray, rng: np.random.Generator) -> OfflineIndices:
        """The negatives of a batch of `captions` int64 [B].

        Raises:
            PluginError: the draw gave something else than its spec declares.
        """
        batch = self.batch(captions, rng)
        drawn = {name: np.asarray(items) for name, items in self.spec.draw(batch).items()}
        if drawn.keys() != self.spec.roles.keys():
            raise PluginError(
                f"{self._draw} gave the roles {', '.join(drawn) or 'none'}, and its card declares "
                f"{', '.join(self.spec.roles)}: OfflineSpec(roles=…, draw=…) must agree"
            )
        for name, items in drawn.items():
            self._check(name, items, batch)
        texts, images = (
            {name: drawn[name].astype(np.int64) for name in self.spec.of(side)}
            for side in ("text", "image")
        )
        return OfflineIndices(texts, images)

    def _check(self, name: str, items: np.ndarray, batch: OfflineBatch) -> None:
        if items.shape != batch.captions.shape or not np.issubdtype(items.dtype, np.integer):
            raise PluginError(
                f"{self._draw} gave for the role '{name}' shape {list(items.shape)} and type "
                f"{items.dtype}: it must give integers [{len(batch.captions)}], one for each pair"
            )
        is_text = self.spec.roles[name] == "text"
        known = len(self.text_to_image) if is_text else len(self.captions_of)
        if ((items < 0) | (items >= known)).any():
            raise PluginError(
                f"{self._draw} gave for the role '{name}' items outside 0 to {known - 1}"
            )
        owners = self.text_to_image[items] if is_text else items
        if not self.spec.may_draw_positives and (owners == batch.images).any():
            raise PluginError(
                f"{self._draw} gave for the role '{name}' an item of the pair's own image: draw "
                "from the mined lists, or declare OfflineSpec(may_draw_positives=True)"
            )

    @property
    def _draw(self) -> str:
        return f"the draw of loss '{self.loss}'"
