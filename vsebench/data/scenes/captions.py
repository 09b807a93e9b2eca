"""Captions of scenes: what they say, and how that is put into varied English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.scenes import words
from vsebench.data.scenes.words import COLOURS, MATERIALS, SIZES
from vsebench.data.scenes.world import MEMBERS, draw_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.data.scenes.world import Scenes

CAPTIONS = 5
"""Captions of an image."""

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
USUAL_NOUNS = (0.6, 0.28, 0.12)
USUAL = (0.7, 0.3)
"""How often each of three nouns, and of two other synonyms, is used."""

SAY_PREFIX, SAY_SUFFIX = 0.4, 0.15
COLOUR_AFTER = 0.15
"""Share of colours said after the noun: `a hat that is red`."""

_BEFORE_VOWEL = re.compile(r"\ba(?= [aeiou])")


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


def phrase(rng: np.random.Generator, statements: Statements) -> list[str]:
    """One sentence for each statement, in lower case and without marks."""
    n = len(statements.image)

    def perhaps(among: Sequence[str], share: float) -> np.ndarray:
        return np.where(rng.random(n) < share, _choose(rng, among, n), "")

    slots = [perhaps(words.PREFIXES, SAY_PREFIX)]
    for i in range(MENTIONS):
        if i > 0:
            slots.append(_joiner(rng, statements, i))
        slots += _noun_phrase(rng, statements, i)
    slots.append(_synonym(rng, words.SETTINGS, statements.setting))
    slots.append(perhaps(words.SUFFIXES, SAY_SUFFIX))
    return [
        _BEFORE_VOWEL.sub("an", " ".join(filter(None, row)))
        for row in zip(*(s.tolist() for s in slots), strict=True)
    ]


def _noun_phrase(rng: np.random.Generator, statements: Statements, i: int) -> list[np.ndarray]:
    """The words about the i-th mentioned object, in order; all empty where fewer are mentioned."""
    kind, family = statements.kind[:, i], statements.family[:, i]
    mentioned = (kind != UNSAID) | (family != UNSAID)
    classes = [nouns for members in words.FAMILIES.values() for nouns in members]
    noun = np.where(
        family == UNSAID,
        _synonym(rng, classes, kind, USUAL_NOUNS),
        _lookup(list(words.FAMILIES), family),
    )
    colour = _synonym(rng, words.COLOURS, statements.colour[:, i])
    cargo = _synonym(rng, classes, statements.cargo[:, i], USUAL_NOUNS)
    after = rng.random(len(kind)) < COLOUR_AFTER
    return [
        np.where(mentioned, _choose(rng, words.DETERMINERS, len(kind)), ""),
        _synonym(rng, words.SIZES, statements.size[:, i]),
        np.where(after, "", colour),
        _synonym(rng, words.MATERIALS, statements.material[:, i]),
        noun,
        np.where(after & (colour != ""), "that is " + colour, ""),
        np.where(cargo != "", _choose(rng, words.CARRIES, len(kind)) + " " + cargo, ""),
    ]


def _joiner(rng: np.random.Generator, statements: Statements, i: int) -> np.ndarray:
    """What stands before the i-th mentioned object: the relation before the second where it is
    said, else a conjunction.
    """
    mentioned = (statements.kind[:, i] != UNSAID) | (statements.family[:, i] != UNSAID)
    joiner = np.where(mentioned, _choose(rng, words.JOINERS, len(mentioned)), "")
    if i > 1:
        return joiner
    return np.where(
        statements.relation == UNSAID, joiner, _synonym(rng, words.RELATIONS, statements.relation)
    )


def _choose(rng: np.random.Generator, among: Sequence[str], n: int) -> np.ndarray:
    """N of the words, each as likely as another."""
    return _lookup(among, rng.integers(len(among), size=n))


def _synonym(
    rng: np.random.Generator,
    table: Sequence[Sequence[str]],
    index: np.ndarray,
    weights: Sequence[float] = USUAL,
) -> np.ndarray:
    """One of the words of `table[index]` for each index; empty where the index is `UNSAID`."""
    which = rng.choice(len(weights), size=len(index), p=weights)
    return _lookup(
        [word for synonyms in table for word in synonyms],
        np.where(index == UNSAID, UNSAID, index * len(weights) + which),
    )


def _lookup(words: Sequence[str], index: np.ndarray) -> np.ndarray:
    """The words at `index`; empty where it is `UNSAID`."""
    found: np.ndarray = np.array([*words, ""], dtype=object)[index]
    return found
