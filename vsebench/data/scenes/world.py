"""The world of the scenes, which is the same for every data seed: latent vectors of classes,
attributes, settings and places; and scenes drawn in it, near-duplicates among them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
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
LEAST_OBJECTS = 3
"""As many as the longest caption mentions, so that a caption's length says nothing of the scene."""

MOST_OBJECTS = 5

TWINNED = 1 / 3
"""Share of fresh scenes that have near-duplicates."""

TWO_TWINS = 1 / 4
"""Share of those that have two."""


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


class Change(IntEnum):
    """What a near-duplicate changes in its scene, about objects drawn by salience."""

    COLOUR = 0
    MATERIAL = 1
    SIZE = 2
    SIBLING = 3  # an object becomes one of another class of its family
    COLOURS = 4  # two objects exchange their colours
    PLACES = 5  # two objects change places
    CARGO = 6  # what an object is and what it carries change roles


CHANGE_WEIGHTS = (0.25, 0.1, 0.05, 0.15, 0.1, 0.15, 0.2)


@dataclass(frozen=True, eq=False)
class Scenes:
    """n scenes of at most K objects; columns at or beyond `count` mean nothing.

    Attributes:
        count: int64 [n], objects, 3 to 5.
        kind: int64 [n, K], their classes.
        cargo: int64 [n, K], the class of what each carries.
        colour: int64 [n, K].
        material: int64 [n, K].
        size: int64 [n, K].
        place: float64 [n, K, 2], right and up, each in -1..1.
        salience: float64 [n, K]; 0 beyond `count`.
        setting: int64 [n].
        group: int64 [n]; near-duplicates have the same.
    """

    count: np.ndarray
    kind: np.ndarray
    cargo: np.ndarray
    colour: np.ndarray
    material: np.ndarray
    size: np.ndarray
    place: np.ndarray
    salience: np.ndarray
    setting: np.ndarray
    group: np.ndarray

    def take(self, rows: np.ndarray) -> Scenes:
        """Copies of the given scenes."""
        return Scenes(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw_objects(rng: np.random.Generator, weight: np.ndarray, k: int) -> np.ndarray:
    """K different columns of each row, drawn one after the other in proportion to `weight` [n, m];
    int64 [n, k]. Columns of weight 0 come last.
    """
    with np.errstate(divide="ignore"):
        score = np.log(weight) + rng.gumbel(size=weight.shape)
    return np.argsort(-score, axis=1, kind="stable")[:, :k]


def draw_scenes(rng: np.random.Generator, n: int) -> Scenes:
    """N scenes in random order, near-duplicates among them."""
    twins = (rng.random(n) < TWINNED) * (1 + (rng.random(n) < TWO_TWINS))
    parent = np.repeat(np.arange(n), 1 + twins)[:n]
    scenes = _fresh(rng, n).take(parent)
    _change(rng, scenes, np.flatnonzero(np.diff(parent, prepend=-1) == 0))
    return scenes.take(rng.permutation(n))


def _fresh(rng: np.random.Generator, n: int) -> Scenes:
    shape = (n, MOST_OBJECTS)
    count = rng.integers(LEAST_OBJECTS, MOST_OBJECTS + 1, n)
    setting = rng.integers(len(SETTINGS), size=n)
    things = draw_objects(rng, world().class_weights[setting], 2 * MOST_OBJECTS)
    present = np.arange(MOST_OBJECTS) < count[:, None]
    return Scenes(
        count=count,
        kind=things[:, :MOST_OBJECTS],
        cargo=things[:, MOST_OBJECTS:],
        colour=rng.integers(len(COLOURS), size=shape),
        material=rng.integers(len(MATERIALS), size=shape),
        size=rng.integers(len(SIZES), size=shape),
        place=rng.uniform(-1, 1, (*shape, 2)),
        salience=present * (0.15 + rng.gamma(1.5, size=shape)),
        setting=setting,
        group=np.arange(n),
    )


def _change(rng: np.random.Generator, scenes: Scenes, rows: np.ndarray) -> None:
    """Makes one change in each of the given scenes, in place."""
    change = rng.choice(len(Change), size=len(rows), p=CHANGE_WEIGHTS)
    first, second = draw_objects(rng, scenes.salience[rows], 2).T
    alike = scenes.colour[rows, first] == scenes.colour[rows, second]
    change[alike & (change == Change.COLOURS)] = Change.COLOUR

    def where(kind: Change) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rows[change == kind], first[change == kind], second[change == kind]

    for kind, values, size in (
        (Change.COLOUR, scenes.colour, len(COLOURS)),
        (Change.MATERIAL, scenes.material, len(MATERIALS)),
        (Change.SIZE, scenes.size, len(SIZES)),
    ):
        row, one, _ = where(kind)
        values[row, one] = _another(rng, values[row, one], size)
    row, one, _ = where(Change.SIBLING)
    family, member = np.divmod(scenes.kind[row, one], MEMBERS)
    scenes.kind[row, one] = family * MEMBERS + _another(rng, member, MEMBERS)
    for kind, values in ((Change.COLOURS, scenes.colour), (Change.PLACES, scenes.place)):
        row, one, other = where(kind)
        values[row, one], values[row, other] = values[row, other], values[row, one]
    row, one, _ = where(Change.CARGO)
    scenes.kind[row, one], scenes.cargo[row, one] = scenes.cargo[row, one], scenes.kind[row, one]


def _another(rng: np.random.Generator, values: np.ndarray, size: int) -> np.ndarray:
    """For each of `values` in 0..size-1, one of the others."""
    return (values + rng.integers(1, size, values.shape)) % size
