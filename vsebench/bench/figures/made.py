"""What figures share: made-up inputs of the shapes that published work has, the same at every call,
passes through modules, and products.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.retrieval.inputs.splits import Captions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

REGIONS = 36
LONGEST = 32  # words of a caption
_WORDS = 7_692


def generator(seed: int = 0) -> torch.Generator:
    """Of the CPU, so that every device gets the same numbers."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers on the CPU."""
    return torch.randn(*shape, generator=generator(seed))


def image_lengths(count: int) -> Tensor:
    """Regions that size augmentation leaves: 29 of 36 on average."""
    return torch.randint(23, 35, (count,), generator=generator())


def text_lengths(count: int) -> Tensor:
    """Words of captions as in Flickr30K: 13 on average, one caption of 32."""
    lengths = (13.4 + 3 * normal(count)).round().long().clamp(6, LONGEST)
    lengths[0] = LONGEST
    return lengths


def captions(count: int, ids: int) -> Tensor:
    """Word ids [count, 32] whose frequencies follow Zipf's law."""
    frequency = 1 / torch.arange(1, ids + 1, dtype=torch.float32)
    words = torch.multinomial(frequency, count * LONGEST, replacement=True, generator=generator())
    return words.view(count, LONGEST)


class Pairs(NamedTuple):
    """A training split of regions and captions.

    Attributes:
        features: float32 [n, 36, size of a region].
        captions: captions, five an image.
        vocabulary: their words.
        owner: image of each caption, int64 [5 n].
    """

    features: np.ndarray
    captions: Captions
    vocabulary: Vocabulary
    owner: np.ndarray


def pairs(images: int, in_dim: int) -> Pairs:
    """Normal features, and captions as long as Flickr30K's of words that follow Zipf's law."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((images, REGIONS, in_dim), dtype=np.float32)
    count = 5 * images
    frequency = 1 / np.arange(1, _WORDS + 1)
    words = rng.choice(_WORDS, (count, 30), p=frequency / frequency.sum())
    lengths = np.clip(np.round(rng.normal(11.4, 3, count)), 4, 30).astype(int)
    lines = [
        " ".join(f"word{word}" for word in row[:length])
        for row, length in zip(words, lengths, strict=True)
    ]
    vocabulary = Vocabulary.build(lines, 1)
    return Pairs(
        features,
        Captions(vocabulary.encode(lines)),
        vocabulary,
        np.repeat(np.arange(images), 5),
    )


def embeddings(images: int, dim: int, signal: float = 0.5) -> tuple[np.ndarray, ...]:
    """Unit rows of images and of five captions each, with the image of each caption: a signal of
    0.5 gives the recalls of a good model, 0 those of an untrained one.
    """
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(images), 5)
    image = _unit(rng.standard_normal((images, dim), dtype=np.float32))
    text = rng.standard_normal((len(owner), dim), dtype=np.float32)
    text *= 2.5 / dim**0.5
    for start in range(0, len(owner), 1000):  # in blocks, for the memory's sake
        text[start : start + 1000] += signal * image[owner[start : start + 1000]]
    return image, _unit(text), owner


def _unit(rows: np.ndarray) -> np.ndarray:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def trained(module: nn.Module, upstream: Tensor, *inputs: Tensor) -> Callable[[], None]:
    """A forward and a backward pass of a module, from the gradient of its output."""

    def run() -> None:
        module.zero_grad()
        for each in inputs:
            each.grad = None
        module(*inputs).backward(upstream)

    return run


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """An environment variable that is set for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def products(shapes: list[tuple[int, int, int]], device: torch.device) -> Callable[[], None]:
    """The matrix products of a floor.

    Args:
        shapes: rows, depth and columns of each.
        device: where they are computed.
    """
    factors = [
        (torch.randn(rows, depth, device=device), torch.randn(depth, columns, device=device))
        for rows, depth, columns in shapes
    ]

    def run() -> None:
        for left, right in factors:
            torch.mm(left, right)

    return run


def linear_products(
    rows: int, depth: int, columns: int, *, to_inputs: bool = True
) -> list[tuple[int, int, int]]:
    """The products of a linear layer: forward, for the weights, and where they are wanted for the
    gradients of its inputs.
    """
    shapes = [(rows, depth, columns), (depth, rows, columns)]
    return [*shapes, (rows, columns, depth)] if to_inputs else shapes
