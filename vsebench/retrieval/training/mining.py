"""Offline negatives (AOQ, ECCV 2020): mined once, over the whole training set, and drawn for each
batch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from vsebench.plugin import Key, OfflineSpec
    from vsebench.retrieval.inputs.tables import CaptionsOf

_log = logging.getLogger("vsebench")


@dataclass(frozen=True)
class OfflineLists:
    """Hard negatives of every training item, hardest first.

    Attributes:
        image_to_text: int32 [images, text_h], captions that do not belong to the image.
        text_to_image: int32 [captions, image_h], images other than the caption's own.
        seconds: what mining them took, encoding included; a run that finds them on disk is charged
            the same.
    """

    image_to_text: np.ndarray
    text_to_image: np.ndarray
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        with replacing(path) as stream:
            np.savez(
                stream,
                image_to_text=self.image_to_text,
                text_to_image=self.text_to_image,
                seconds=np.float64(self.seconds),
            )

    @classmethod
    def load(cls, path: Path) -> OfflineLists:
        with np.load(path) as arrays:
            return cls(arrays["image_to_text"], arrays["text_to_image"], float(arrays["seconds"]))


class OfflineIndices(NamedTuple):
    """Which items play the offline roles of a batch, int64 [B] each."""

    text3: np.ndarray
    image3: np.ndarray
    image4: np.ndarray
    text4: np.ndarray


def clip(spec: OfflineSpec, text_to_image: np.ndarray, images: int) -> tuple[int, int]:
    """List lengths (captions per image, images per caption) that the data set can fill; warns once
    when they are shorter than asked.
    """
    most = int(np.bincount(text_to_image, minlength=images).max())
    text_h, image_h = min(spec.text_h, len(text_to_image) - most), min(spec.image_h, images - 1)
    if (text_h, image_h) != (spec.text_h, spec.image_h):
        _log.warning(
            "offline lists are cut from %d captions and %d images to the %d and %d that the "
            "training set has",
            spec.text_h,
            spec.image_h,
            text_h,
            image_h,
        )
    return text_h, image_h


def mine(
    image: Tensor,
    text: Tensor,
    text_to_image: np.ndarray,
    spec: OfflineSpec,
    key: Key,
    block: int = 256,
) -> OfflineLists:
    """Exact lists of offline negatives over the whole training set.

    Args:
        image: [n, D] training image embeddings.
        text: [m, D] training caption embeddings.
        text_to_image: int64 [m].
        spec: list lengths, and whether the hardest or random items are wanted.
        key: source of random lists.
        block: anchors scored at a time; bounds the memory at block × m scores.
    """
    text_h, image_h = clip(spec, text_to_image, len(image))
    owner = torch.from_numpy(text_to_image).to(image.device)
    anchors = torch.arange(len(image), device=image.device)
    if spec.mine == "random":
        rng = key.generator()
        return OfflineLists(
            _random(np.arange(len(image)), text_to_image, text_h, rng),
            _random(text_to_image, np.arange(len(image)), image_h, rng),
        )
    return OfflineLists(
        _hardest(image, text, anchors, owner, text_h, block),
        _hardest(text, image, owner, anchors, image_h, block),
    )


def draw(
    lists: OfflineLists,
    captions: np.ndarray,
    text_to_image: np.ndarray,
    index: CaptionsOf,
    *,
    avoid_siblings: bool,
    rng: np.random.Generator,
) -> OfflineIndices:
    """Offline negatives of a batch: one rank per pair, used for both lists (AOQ, released code:
    rank n of the captions, n · image_h / text_h of the images).

    Args:
        lists: the mined lists.
        captions: int64 [B], the captions of the batch.
        text_to_image: int64 [m].
        index: the captions of each image.
        avoid_siblings: take the next image where the drawn caption belongs to the drawn image,
            which would be no negative pair.
        rng: source of the choices.
    """
    text_h, image_h = lists.image_to_text.shape[1], lists.text_to_image.shape[1]
    rank = rng.integers(text_h, size=len(captions))
    text3 = lists.image_to_text[text_to_image[captions], rank].astype(np.int64)
    image4 = text_to_image[text3]
    image_rank = rank * image_h // text_h
    image3 = lists.text_to_image[captions, image_rank].astype(np.int64)
    if avoid_siblings and image_h > 1:
        image3 = np.where(
            image3 == image4, lists.text_to_image[captions, (image_rank + 1) % image_h], image3
        ).astype(np.int64)
    return OfflineIndices(text3, image3, image4, index.draw(image3, rng))


def _hardest(
    anchors: Tensor, items: Tensor, anchor_group: Tensor, item_group: Tensor, h: int, block: int
) -> np.ndarray:
    """For each anchor the `h` items of highest inner product among those of another group (image),
    int32 [anchors, h].
    """
    rows = []
    for start in range(0, len(anchors), block):
        scores = anchors[start : start + block] @ items.T
        scores.masked_fill_(anchor_group[start : start + block, None] == item_group, -torch.inf)
        rows.append(scores.topk(h, dim=1).indices.to(torch.int32).cpu())
    return torch.cat(rows).numpy()


def _random(
    anchor_group: np.ndarray, item_group: np.ndarray, h: int, rng: np.random.Generator
) -> np.ndarray:
    """For each anchor `h` uniformly random items of another group, int32 [anchors, h]."""
    drawn = rng.integers(len(item_group), size=(len(anchor_group), h), dtype=np.int32)
    while (own := item_group[drawn] == anchor_group[:, None]).any():
        drawn[own] = rng.integers(len(item_group), size=int(own.sum()), dtype=np.int32)
    return drawn
