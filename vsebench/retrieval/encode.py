"""Embeds whole splits with a trained model, block by block, each item once; of several ranks, each
embeds some of the blocks, and all of them have the same embeddings as one would have alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from vsebench.retrieval.embeddings import apply, concatenate
from vsebench.retrieval.inputs.padded import Padded, to_device
from vsebench.retrieval.inputs.splits import RawImages
from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor, nn

    from vsebench.plugin import RawImageEncoder
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.inputs.splits import Captions, CaptionStates, ImageFeatures
    from vsebench.retrieval.model import Model, Tower
    from vsebench.retrieval.parallel.world import World


_IMAGES, _RAW_IMAGES, _CAPTIONS = 256, 32, 512
"""Items embedded at a time."""


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
    *,
    told: Callable[[int], None] | None = None,
    world: World = ALONE,
) -> Embedding:
    """Embeddings of every image, in order; raw images whole.

    Args:
        model: the model.
        images: the images.
        told: receives the number of images done after each block.
        world: ranks that embed them together.
    """
    raw = isinstance(images, RawImages)
    blocks = _blocks(np.arange(len(images)), _RAW_IMAGES if raw else _IMAGES)
    mine = blocks[world.rank :: world.size]
    with evaluating(model):
        batches = (
            _raw_batches(model, images, mine)
            if isinstance(images, RawImages)
            else _feature_batches(images, mine)
        )
        return _encoded(model.image, batches, blocks, told, world)


def first_batch(
    model: Model, side: str, split: SplitInputs, items: int, device: torch.device
) -> Padded:
    """Input of the encoder of a side, `image` or `text`: the first items of a split."""
    if side == "text":
        return split.texts.batch(np.arange(min(items, len(split.texts))), device)
    chosen = [np.arange(min(items, len(split.images)))]
    if isinstance(split.images, RawImages):
        return next(iter(_raw_batches(model, split.images, chosen)))
    return next(_feature_batches(split.images, chosen))


def _feature_batches(images: ImageFeatures, blocks: Sequence[np.ndarray]) -> Iterator[Padded]:
    for chosen in blocks:
        lengths = images.lengths[chosen]
        positions = np.broadcast_to(
            np.arange(int(lengths.max())), (len(chosen), int(lengths.max()))
        )
        yield Padded(images.gather(chosen, positions), to_device(lengths, images.device))


def _raw_batches(model: Model, images: RawImages, blocks: Sequence[np.ndarray]) -> Iterator[Padded]:
    encoder = cast("RawImageEncoder", model.image.encoder)
    whole = ((chosen, None) for chosen in blocks)
    for pixels in images.batches(images.loader(encoder.image_size), whole):
        yield Padded(pixels, to_device(np.ones(len(pixels), np.int64), images.device))


def encode_texts(
    model: Model,
    captions: Captions | CaptionStates,
    device: torch.device,
    *,
    told: Callable[[int], None] | None = None,
    world: World = ALONE,
) -> Embedding:
    """Embeddings of every caption, in order; captions of similar length are embedded together, so
    that little padding is computed.

    Args:
        model: the model.
        captions: the captions.
        device: device of the model.
        told: receives the number of captions done after each block.
        world: ranks that embed them together.
    """
    order = np.argsort(captions.lengths, kind="stable")
    blocks = _blocks(order, _CAPTIONS)
    with evaluating(model):
        batches = (captions.batch(chosen, device) for chosen in blocks[world.rank :: world.size])
        embedded = _encoded(model.text, batches, blocks, told, world)
        back = to_device(np.argsort(order), device)
        return apply(embedded, lambda tensor: tensor[back])


def embed_split(
    model: Model, split: SplitInputs, device: torch.device, world: World = ALONE
) -> tuple[Embedding, Embedding]:
    """Embeddings of the images and of the captions of a split, which the ranks of a run make
    together.
    """
    return (
        encode_images(model, split.images, world=world),
        encode_texts(model, split.texts, device, world=world),
    )


def _blocks(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _encoded(
    tower: Tower,
    batches: Iterable[Padded],
    blocks: Sequence[np.ndarray],
    told: Callable[[int], None] | None,
    world: World,
) -> Embedding:
    """The embeddings of the items of all blocks, one after the other.

    Args:
        tower: embeds them.
        batches: batches of this rank's blocks.
        blocks: the items of each block.
        told: receives the number of items done after each block.
        world: the ranks.
    """
    parts: list[Embedding] = []
    done = 0
    for batch in batches:
        parts.append(tower(*batch).embedding)
        done += len(batch.values)
        if told is not None:
            told(done)
    return concatenate(parts) if world.size == 1 else _of_all_ranks(parts, blocks, world)


def _of_all_ranks(
    parts: Sequence[Embedding], blocks: Sequence[np.ndarray], world: World
) -> Embedding:
    """The embeddings of all blocks from those of each rank's, to the bit."""
    empty = world.agree(lambda: apply(parts[0], lambda tensor: tensor[:0].cpu()))
    own = concatenate([apply(empty, lambda tensor: tensor.to(world.device)), *parts])
    ends = np.cumsum([len(block) for block in blocks])
    places = [np.arange(end - len(block), end) for block, end in zip(blocks, ends, strict=True)]
    mine = np.concatenate([np.zeros(0, np.int64), *places[world.rank :: world.size]])

    def whole(tensor: Tensor) -> Tensor:
        every = tensor.new_zeros(int(ends[-1]), *tensor.shape[1:])
        every[to_device(mine, tensor.device)] = tensor
        # One rank has an item, and the others zeros: of bytes, so that no bit is lost
        return world.sum(every.view(-1).view(torch.uint8)).view(tensor.dtype).view_as(every)

    return apply(own, whole)
