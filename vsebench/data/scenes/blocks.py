"""The options of the scenes, and one block of images: scenes, captions and region vectors, a pure
function of the options, the split and the block's number; and the fixed random map from latent
vectors to the features that a model sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from vsebench.data.scenes.captions import Statements, draw_statements, phrase
from vsebench.data.scenes.render import render
from vsebench.data.scenes.world import LATENT, WORLD, Scenes, draw_scenes
from vsebench.plugin import Key

BLOCK = 128
"""Images generated together. Random numbers belong to a block, so what an image is does not depend
on how many are asked for or held in memory.
"""

CALIBRATION = 8
"""Blocks, of no split, whose statistics standardise the features."""

BIAS = 0.5
"""Standard deviation of a unit's bias, where that of its input is about 1."""


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        images: training images.
        regions: most regions of an image.
        dim: width of a region vector.
        difficulty: 1 is the tuned setting; 0 has no noise, no clutter and no overlap.
        seed: seed of everything but the world.
    """

    images: int = 3000
    regions: int = 36
    dim: int = 96
    difficulty: float = 1.0
    seed: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Images of each split."""
        held_out = min(max(self.images // 5, 100), 1000)
        return {"train": self.images, "dev": held_out, "test": held_out}

    def key(self, split: str, block: int) -> Key:
        """The random numbers of one block."""
        return Key("scenes", self.seed) / split / block


@dataclass(frozen=True, eq=False)
class Block:
    """`BLOCK` images.

    Attributes:
        scenes: what they show.
        statements: what their captions say.
        captions: five for each image, in its order.
        latents: float32 [BLOCK, regions, LATENT], before the map to features.
        lengths: int64 [BLOCK].
    """

    scenes: Scenes
    statements: Statements
    captions: list[str]
    latents: np.ndarray
    lengths: np.ndarray


def generate(options: Options, split: str, index: int) -> Block:
    """Block `index` of a split."""
    key = options.key(split, index)
    scenes = draw_scenes((key / "scenes").generator(), BLOCK)
    scenes = replace(scenes, group=scenes.group + index * BLOCK)
    statements = draw_statements((key / "statements").generator(), scenes)
    captions = phrase((key / "words").generator(), statements)
    rng = (key / "regions").generator()
    latents, lengths = render(rng, scenes, options.regions, options.difficulty)
    return Block(scenes, statements, captions, latents, lengths)


@dataclass(frozen=True, eq=False)
class Camera:
    """Features `max(x @ weight + bias, floor)`: a layer of rectified units, standardised; the mean
    and the division are folded in.

    Attributes:
        weight: float32 [LATENT, dim].
        bias: float32 [dim].
        floor: float32 [dim], the standardised value of a unit that is off.
    """

    weight: np.ndarray
    bias: np.ndarray
    floor: np.ndarray

    def features(self, block: Block) -> np.ndarray:
        """float16 [BLOCK, regions, dim], zero at or beyond an image's length."""
        valid = _valid(block)
        out = np.zeros((*valid.shape, len(self.floor)), np.float16)
        out[valid] = self.project(block.latents[valid])
        return out

    def project(self, latents: np.ndarray) -> np.ndarray:
        """[rows, LATENT] to [rows, dim], float32."""
        values: np.ndarray = latents @ self.weight
        values += self.bias
        np.maximum(values, self.floor, out=values)
        return values


def camera(options: Options) -> Camera:
    """The map for these options, standardised by `CALIBRATION` blocks: it depends on neither the
    seed nor the number of images.
    """
    return _camera(replace(options, seed=0, images=1))


@cache
def _camera(options: Options) -> Camera:
    rng = (WORLD / "camera" / options.dim).generator()
    weight = (rng.standard_normal((LATENT, options.dim)) / np.sqrt(8)).astype(np.float32)
    bias = (BIAS * rng.standard_normal(options.dim)).astype(np.float32)
    raw = Camera(weight, bias, np.zeros_like(bias))
    total, squares, rows = np.zeros(options.dim), np.zeros(options.dim), 0
    for index in range(CALIBRATION):
        block = generate(options, "calibration", index)
        values = raw.project(block.latents[_valid(block)])
        total += values.sum(0, dtype=np.float64)
        squares += np.square(values, out=values).sum(0, dtype=np.float64)
        rows += len(values)
    mean = total / rows
    deviation = np.sqrt(np.maximum(squares / rows - mean**2, 1e-6))
    return Camera(*(np.asarray(a / deviation, np.float32) for a in (weight, bias - mean, -mean)))


def _valid(block: Block) -> np.ndarray:
    """Which rows are regions, bool [BLOCK, regions]."""
    valid: np.ndarray = np.arange(block.latents.shape[1]) < block.lengths[:, None]
    return valid
