"""Puts statements into varied English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.scenes import words
from vsebench.data.scenes.statements import MENTIONS, UNSAID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.data.scenes.statements import Statements

USUAL_NOUNS = (0.6, 0.28, 0.12)
USUAL = (0.7, 0.3)
"""How often each of three nouns, and of two other synonyms, is used."""

SAY_PREFIX, SAY_SUFFIX = 0.4, 0.15
COLOUR_AFTER = 0.15
"""Share of colours said after the noun: `a hat that is red`."""

_BEFORE_VOWEL = re.compile(r"\ba(?= [aeiou])")


def phrase(rng: np.random.Generator, statements: Statements) -> list[str]:
    """One sentence for each statement, in lower case and without marks."""
    n = len(statements.image)

    def perhaps(table: Sequence[str], share: float) -> np.ndarray:
        return np.where(rng.random(n) < share, _choose(rng, table, n), "")

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


def _choose(rng: np.random.Generator, table: Sequence[str], n: int) -> np.ndarray:
    """N words of a table, each as likely as another."""
    return _lookup(table, rng.integers(len(table), size=n))


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


def _lookup(table: Sequence[str], index: np.ndarray) -> np.ndarray:
    """The words at `index`; empty where it is `UNSAID`."""
    found: np.ndarray = np.array([*table, ""], dtype=object)[index]
    return found
