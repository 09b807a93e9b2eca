"""Embeds whole splits with a trained model, block by block, each item once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from vsebench.retrieval.embeddings import apply, concatenate
from vsebench.retrieval.inputs.padded import Padded, to_device
from vsebench.retrieval.inputs.splits import RawImages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from vsebench.plugin import RawImageEncoder
    from vsebench.plugin.embeddings import Embedding
    from vsebench.retrieval.inputs.splits import Captions, CaptionStates, ImageFeatures
    from vsebench.retrieval.model import Model


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; puts every part of the module back as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for part, training in modes:
            part.training = training


def encode_images(
    model: Model,
    images: ImageFeatures | RawImages,
    block: int | None = None,
    *,
    told: Callable[[int], None] | None = None,
) -> Embedding:
    """Embeddings of every image, in order; raw images whole.

    Args:
        model: the model.
        images: the images.
        block: images embedded at a time; by default 256, of raw images 32.
        told: receives the number of images done after each block.
    """
    parts: list[Embedding] = []
    done = 0
    with evaluating(model):
        batches = (
            _raw_batches(model, images, block or 32)
            if isinstance(images, RawImages)
            else _feature_batches(images, block or 256)
        )
        for batch in batches:
            parts.append(model.image(*batch).embedding)
            done += len(batch.values)
            if told is not None:
                told(done)
    return concatenate(parts)


def _feature_batches(images: ImageFeatures, block: int) -> Iterator[Padded]:
    for start in range(0, len(images), block):
        chosen = np.arange(start, min(start + block, len(images)))
        lengths = images.lengths[chosen]
        positions = np.broadcast_to(
            np.arange(int(lengths.max())), (len(chosen), int(lengths.max()))
        )
        yield Padded(images.gather(chosen, positions), to_device(lengths, images.device))


def _raw_batches(model: Model, images: RawImages, block: int) -> Iterator[Padded]:
    encoder = cast("RawImageEncoder", model.image.encoder)
    blocks = (
        (np.arange(start, min(start + block, len(images))), None)
        for start in range(0, len(images), block)
    )
    for pixels in images.batches(images.loader(encoder.image_size), blocks):
        yield Padded(pixels, to_device(np.ones(len(pixels), np.int64), images.device))


def encode_texts(
    model: Model,
    captions: Captions | CaptionStates,
    device: torch.device,
    block: int = 512,
    *,
    told: Callable[[int], None] | None = None,
) -> Embedding:
    """Embeddings of every caption, in order; captions of like length are embedded
    together, so that little padding is computed. `told` receives the number of captions done after
    each block.
    """
    order = np.argsort(captions.lengths, kind="stable")
    parts = []
    with evaluating(model):
        for start in range(0, len(order), block):
            batch = captions.batch(order[start : start + block], device)
            parts.append(model.text(*batch).embedding)
            if told is not None:
                told(min(start + block, len(order)))
    back = to_device(np.argsort(order), device)
    return apply(concatenate(parts), lambda tensor: tensor[back])
