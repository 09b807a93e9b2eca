"""Renders scenes as region vectors in the latent space: noisy, overlapping views of objects among
clutter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.scenes.world import CLASSES, LATENT, MOST_OBJECTS, SCALE, world

if TYPE_CHECKING:
    from vsebench.data.scenes.world import Scenes

NOISE = 0.4
"""Standard deviation of the noise of a component, in units of a latent vector's."""

INSTANCE = 0.25
"""Standard deviation of what tells one object of a class from another."""

JITTER = 0.15
"""Standard deviation of where a view of an object lies; the square's side is 2."""

MATERIAL, SIZE, CARGO = 0.8, 0.4, 0.6
"""Strength in a view, where that of class and colour is 1."""

TURN = 1.5
"""How strongly its place changes the look of an object."""

PLACE = 0.5
OVERLAP = 0.35
"""Greatest strength of another object seen in a view."""

CLUTTER = 0.4
"""Share of regions that show no object of the scene."""

CLUTTER_STRENGTH = 0.8
FALSE_DETECTION = 0.35
"""Share of clutter that looks like an object of some class."""

FEWEST = (10, 36)
"""Least number of regions for a most: a ratio."""


def render(
    rng: np.random.Generator, scenes: Scenes, size: int, difficulty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Region vectors of n scenes in random order.

    An image has as many regions as chance wants, whatever it shows: at least one view of each
    object, then further views by salience, then clutter.

    Args:
        rng: source of the random numbers.
        scenes: the scenes.
        size: most regions of an image.
        difficulty: scale of noise, clutter and overlap.

    Returns:
        latents: float32 [n, size, LATENT]; rows at or beyond an image's length mean nothing.
        lengths: int64 [n].
    """
    n = len(scenes.count)
    lengths = rng.integers(max(MOST_OBJECTS, size * FEWEST[0] // FEWEST[1]), size + 1, n)
    share = 1 - (1 - CLUTTER) ** difficulty
    clutter = np.minimum(np.round(share * lengths).astype(np.int64), lengths - scenes.count)
    latents = _views(rng, scenes, size, difficulty)
    is_clutter = np.arange(size) >= (lengths - clutter)[:, None]
    latents[is_clutter] = _clutter(rng, scenes, size)[is_clutter]
    latents += np.float32(NOISE * SCALE * difficulty) * _normal(rng, latents.shape)
    order = np.argsort(
        np.where(np.arange(size) < lengths[:, None], rng.random((n, size)), 2.0), axis=1
    )
    return np.take_along_axis(latents, order[..., None], axis=1), lengths


def _views(rng: np.random.Generator, scenes: Scenes, size: int, difficulty: float) -> np.ndarray:
    """[n, size, LATENT] views: the first of each object in turn, the others of objects drawn by
    salience.
    """
    w = world()
    n = len(scenes.count)
    look = w.classes[scenes.kind] + np.float32(INSTANCE * difficulty) * _normal(
        rng, (*scenes.kind.shape, LATENT)
    )
    attributes = (
        w.colours[scenes.colour]
        + np.float32(MATERIAL) * w.materials[scenes.material]
        + np.float32(SIZE) * w.sizes[scenes.size]
    )
    row = np.arange(n)[:, None]
    shown = _shown_objects(rng, scenes, size)
    behind = (
        shown + 1 + (rng.random(shown.shape) * (scenes.count[:, None] - 1)).astype(np.int64)
    ) % scenes.count[:, None]
    place = (scenes.place[row, shown] + JITTER * rng.standard_normal((n, size, 2))).astype(
        np.float32
    )
    turned = np.einsum("nsa,nsal->nsl", place, w.turns[scenes.kind[row, shown]])
    views: np.ndarray = _uniform(rng, 0.5, 1, (n, size)) * (
        look[row, shown] + np.float32(TURN) * turned
    )
    views += _uniform(rng, 0.5, 1, (n, size)) * attributes[row, shown]
    views += _uniform(rng, 0.5 * CARGO, CARGO, (n, size)) * w.cargo[scenes.cargo[row, shown]]
    views += _uniform(rng, 0, OVERLAP * difficulty, (n, size)) * (look + attributes)[row, behind]
    views += _at(place)
    return views


def _shown_objects(rng: np.random.Generator, scenes: Scenes, size: int) -> np.ndarray:
    """int64 [n, size], the object that each view shows."""
    weight = scenes.salience**0.7
    steps = np.cumsum(weight / weight.sum(1, keepdims=True), axis=1)
    drawn = np.minimum(
        (rng.random((len(weight), size, 1)) > steps[:, None]).sum(2), scenes.count[:, None] - 1
    )
    turn = np.arange(size)
    return np.where(turn < scenes.count[:, None], turn, drawn)


def _clutter(rng: np.random.Generator, scenes: Scenes, size: int) -> np.ndarray:
    """[n, size, LATENT] regions of the setting, some of them with a false detection."""
    w = world()
    shape = (len(scenes.count), size)
    regions: np.ndarray = (
        _uniform(rng, CLUTTER_STRENGTH * 0.2, CLUTTER_STRENGTH, shape)
        * w.settings[scenes.setting][:, None]
    )
    false = rng.random(shape) < FALSE_DETECTION
    regions += (
        false[..., None]
        * _uniform(rng, 0.2, 0.8, shape)
        * w.classes[rng.integers(CLASSES, size=shape)]
    )
    regions += _at(rng.uniform(-1, 1, (*shape, 2)).astype(np.float32))
    return regions


def _at(place: np.ndarray) -> np.ndarray:
    """What being at `place`, float32 [..., 2], adds: [..., LATENT]."""
    added: np.ndarray = np.float32(PLACE) * place @ world().axes
    return added


def _uniform(
    rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]
) -> np.ndarray:
    """float32 [*shape, 1]."""
    return low + (high - low) * rng.random((*shape, 1), dtype=np.float32)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)
