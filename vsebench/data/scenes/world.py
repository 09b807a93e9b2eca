"""The world of the scenes: latent vectors of classes, attributes, settings and places. The same for every data seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from vsebench.data.scenes.words import COLOURS, FAMILIES, MATERIALS, SETTINGS, SIZES
from vsebench.plugin import Key

LATENT = 48
SCALE = float(np.sqrt(8 / LATENT))
"""Standard deviation of a component of a latent vector."""

MEMBERS = 5
"""Classes of a family; class c belongs to family c // MEMBERS."""

CLASSES = len(FAMILIES) * MEMBERS

WORLD = Key("scenes", "world")


@dataclass(frozen=True, eq=False)
class World:
    """What scenes are made of; float32.

    Attributes:
        classes: [CLASSES, LATENT]; classes of a family share a part.
        colours: [10, LATENT].
        materials: [6, LATENT].
        sizes: [3, LATENT].
        settings: [10, LATENT].
        axes: [2, LATENT], what a step to the right and a step up add.
        class_weights: [CLASSES], how often each class occurs, proportional to rank^-1/2 and summing to 1.
    """

    classes: np.ndarray
    colours: np.ndarray
    materials: np.ndarray
    sizes: np.ndarray
    settings: np.ndarray
    axes: np.ndarray
    class_weights: np.ndarray


@cache
def world() -> World:
    """The one world."""
    rng = WORLD.generator()

    def vectors(n: int) -> np.ndarray:
        return (SCALE * rng.standard_normal((n, LATENT))).astype(np.float32)

    classes = 0.7 * np.repeat(vectors(len(FAMILIES)), MEMBERS, axis=0) + 0.71 * vectors(CLASSES)
    weights = (1 + rng.permutation(CLASSES)) ** -0.5
    return World(
        classes=classes,
        colours=vectors(len(COLOURS)),
        materials=vectors(len(MATERIALS)),
        sizes=vectors(len(SIZES)),
        settings=vectors(len(SETTINGS)),
        axes=vectors(2),
        class_weights=weights / weights.sum(),
    )
