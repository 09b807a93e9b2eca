"""What captions say, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.scenes.options import CAPTIONS
from vsebench.data.scenes.sampling import draw_objects
from vsebench.data.scenes.words import COLOURS, MATERIALS, SIZES
from vsebench.data.scenes.world import MEMBERS

if TYPE_CHECKING:
    from vsebench.data.scenes.sampling import Scenes

MENTIONS = 3
"""Most objects that a caption mentions."""

MENTION_WEIGHTS = (0.2, 0.5, 0.3)
SAY_COLOUR, SAY_MATERIAL, SAY_SIZE, SAY_CARGO, SAY_RELATION, SAY_SETTING = (
    0.55,
    0.2,
    0.25,
    0.35,
    0.6,
    0.3,
)
SAY_FAMILY = 0.05
"""Share of mentions that name the family instead of the class."""

WRONG = 0.02
"""Share of mentioned attributes that are wrong."""

APART = 0.4
"""Objects nearer than this along both axes are `near` each other; the square's side is 2."""

UNSAID = -1


class Relation(IntEnum):
    """How the first mentioned object lies to the second."""

    LEFT = 0
    RIGHT = 1
    ABOVE = 2
    BELOW = 3
    NEAR = 4


@dataclass(frozen=True, eq=False)
class Statements:
    """What C captions say; -1 where they leave it open.

    Attributes:
        image: int64 [C], the scene described.
        kind: int64 [C, 3], class of each mentioned object.
        family: int64 [C, 3], its family, where that is named instead of the class.
        cargo: int64 [C, 3], class of what it carries.
        colour: int64 [C, 3].
        material: int64 [C, 3].
        size: int64 [C, 3].
        relation: int64 [C], of the first object to the second.
        setting: int64 [C].
    """

    image: np.ndarray
    kind: np.ndarray
    family: np.ndarray
    cargo: np.ndarray
    colour: np.ndarray
    material: np.ndarray
    size: np.ndarray
    relation: np.ndarray
    setting: np.ndarray


def relate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The `Relation` of places [..., 2] to other places: along the axis on which they are farther
    apart, int64 [...].
    """
    right, up = np.moveaxis(first - second, -1, 0)
    sideways = np.where(right > 0, Relation.RIGHT, Relation.LEFT)
    upright = np.where(up > 0, Relation.ABOVE, Relation.BELOW)
    relation = np.where(np.abs(right) >= np.abs(up), sideways, upright)
    return np.where(np.maximum(np.abs(right), np.abs(up)) < APART, Relation.NEAR, relation)


def draw_statements(rng: np.random.Generator, scenes: Scenes) -> Statements:
    """Five statements about each scene: objects by salience, each thing about them said or not."""
    image = np.repeat(np.arange(len(scenes.count)), CAPTIONS)
    n = len(image)
    objects = draw_objects(rng, scenes.salience[image], MENTIONS)
    mentions = 1 + rng.choice(MENTIONS, size=n, p=MENTION_WEIGHTS)
    mentioned = np.arange(MENTIONS) < mentions[:, None]

    def said(values: np.ndarray, share: float, mask: np.ndarray) -> np.ndarray:
        return np.where(mask & (rng.random(values.shape) < share), values, UNSAID)

    def attribute(values: np.ndarray, share: float, size: int) -> np.ndarray:
        true = values[image[:, None], objects]
        wrong = rng.random(true.shape) < WRONG
        return said((true + wrong * rng.integers(1, size, true.shape)) % size, share, mentioned)

    kind = scenes.kind[image[:, None], objects]
    family = said(kind // MEMBERS, SAY_FAMILY, mentioned)
    place = scenes.place[image[:, None], objects]
    return Statements(
        image=image,
        kind=np.where(mentioned & (family == UNSAID), kind, UNSAID),
        family=family,
        cargo=said(scenes.cargo[image[:, None], objects], SAY_CARGO, mentioned),
        colour=attribute(scenes.colour, SAY_COLOUR, len(COLOURS)),
        material=attribute(scenes.material, SAY_MATERIAL, len(MATERIALS)),
        size=attribute(scenes.size, SAY_SIZE, len(SIZES)),
        relation=said(relate(place[:, 0], place[:, 1]), SAY_RELATION, mentions > 1),
        setting=said(scenes.setting[image], SAY_SETTING, np.ones(n, bool)),
    )
