"""The world of the scenes: latent vectors of classes, attributes, settings and places. The same for
every data seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from vsebench.data.scenes.words import AT_HOME, COLOURS, FAMILIES, MATERIALS, SETTINGS, SIZES
from vsebench.plugin import Key

LATENT = 48
SCALE = float(np.sqrt(8 / LATENT))
"""Standard deviation of a component of a latent vector."""

MEMBERS = 5
"""Classes of a family; class c belongs to family c // MEMBERS."""

CLASSES = len(FAMILIES) * MEMBERS

HOME_FACTOR = 6.0
"""How much more often a family occurs in a setting where it is at home."""

WORLD = Key("scenes", "world")


@dataclass(frozen=True, eq=False)
class World:
    """What scenes are made of; float32.

    Attributes:
        classes: [CLASSES, LATENT]; classes of a family share a part.
        cargo: [CLASSES, LATENT], what a thing of each class adds to the look of the object that
            carries it.
        turns: [CLASSES, 2, LATENT], how the look of each class changes with a step to the right and
            a step up.
        axes: [2, LATENT], what a step to the right and a step up add to anything.
        colours: [10, LATENT].
        materials: [6, LATENT].
        sizes: [3, LATENT].
        settings: [10, LATENT].
        class_weights: float64 [10, CLASSES], how often each class occurs in each setting; rows sum
            to 1.
    """

    classes: np.ndarray
    cargo: np.ndarray
    turns: np.ndarray
    axes: np.ndarray
    colours: np.ndarray
    materials: np.ndarray
    sizes: np.ndarray
    settings: np.ndarray
    class_weights: np.ndarray


@cache
def world() -> World:
    """The one world."""
    rng = WORLD.generator()

    def vectors(n: int) -> np.ndarray:
        return np.float32(SCALE) * rng.standard_normal((n, LATENT), dtype=np.float32)

    def mixing(n: int) -> np.ndarray:
        return np.float32(LATENT**-0.5) * rng.standard_normal((n, LATENT, LATENT), dtype=np.float32)

    classes = 0.7 * np.repeat(vectors(len(FAMILIES)), MEMBERS, axis=0) + 0.71 * vectors(CLASSES)
    return World(
        classes=classes,
        cargo=classes @ mixing(1)[0],
        turns=np.stack([classes @ step for step in mixing(2)], axis=1),
        axes=vectors(2),
        colours=vectors(len(COLOURS)),
        materials=vectors(len(MATERIALS)),
        sizes=vectors(len(SIZES)),
        settings=vectors(len(SETTINGS)),
        class_weights=_class_weights(rng),
    )


def _class_weights(rng: np.random.Generator) -> np.ndarray:
    """Weights fall with a class's rank as rank^-1/2, and are larger where its family is at home."""
    at_home = np.array(
        [[family in families for family in FAMILIES] for families in AT_HOME]
    ).repeat(MEMBERS, axis=1)
    weights = (1 + rng.permutation(CLASSES)) ** -0.5 * np.where(at_home, HOME_FACTOR, 1.0)
    return np.asarray(weights / weights.sum(1, keepdims=True))
