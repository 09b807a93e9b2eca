"""One block of images and their labels, a pure function of the options and the block's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.tags.options import BLOCK
from vsebench.data.annotation.tags.world import TOPICS
from vsebench.plugin import Positives

if TYPE_CHECKING:
    from vsebench.data.annotation.tags.options import Options
    from vsebench.data.annotation.tags.world import World

CONCENTRATION = 0.1
"""Of the Dirichlet law of an image's topics: about three of the 32 matter."""

# of the gamma law of how many labels an image has: its standard deviation is near 0.7 of its mean
_SHAPE = 2.0
_ROUNDS = 32  # of drawing again in place of labels drawn twice


def mixtures(options: Options, block: int) -> np.ndarray:
    """float64 [BLOCK, TOPICS], each image's distribution over topics."""
    weights = (
        options.key(block, "mixtures").generator().gamma(CONCENTRATION, size=(BLOCK, TOPICS)) + 1e-9
    )
    shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def generate(options: Options, world: World, block: int) -> Positives:
    """The labels of `BLOCK` images: different ones of each, drawn one after the other from the
    image's mixture of topics.
    """
    rng = options.key(block, "labels").generator()
    wanted = 1 + rng.poisson((options.mean - 1) * rng.gamma(_SHAPE, 1 / _SHAPE, BLOCK))
    wanted = np.minimum(wanted, max(1, options.labels // 2))
    cumulative = (np.cumsum(mixtures(options, block), axis=1) + np.arange(BLOCK)[:, None]).reshape(
        -1
    )
    keys = np.empty(0, np.int64)
    missing = wanted
    for _ in range(_ROUNDS):
        images = np.repeat(np.arange(BLOCK), missing)
        topics = np.searchsorted(cumulative, images + rng.random(len(images)), side="right")
        topics = np.clip(topics - images * TOPICS, 0, TOPICS - 1)
        drawn = images * options.labels + world.draw(topics, rng.random(len(images)))
        keys = np.sort(np.concatenate([keys, drawn]))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        missing = wanted - np.bincount(keys // options.labels, minlength=BLOCK)
        if not missing.any():
            break
    return Positives.from_pairs(
        keys // options.labels, keys % options.labels, BLOCK, options.labels
    )
