from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from tests.oracles.captions import fits, lies
from vsebench.data.scenes import words
from vsebench.data.scenes.blocks import BLOCK, Block, Options, generate
from vsebench.data.scenes.captions import APART, UNSAID, Relation, Statements, relate
from vsebench.data.words import tokenise


@pytest.fixture(scope="module")
def block() -> Block:
    return generate(Options(), "train", 0)


def test_relations_equal_the_oracle():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 500, 2))
    a[:5] = b[:5] + np.array(
        [[APART + 1e-9, 0], [-APART - 1e-9, 0], [0.3, 0.2], [0, APART + 1e-9], [0.5, -0.6]]
    )
    assert relate(a, b).tolist() == [lies(x, y) for x, y in zip(a, b, strict=True)]
    assert set(relate(a, b)) == set(Relation)
    assert relate(np.array([0.5, 0.1]), np.array([-0.5, 0.2])) == Relation.RIGHT
    assert relate(np.array([0.1, -0.9]), np.array([0.0, 0.2])) == Relation.BELOW


def test_captions_are_true_of_their_images_but_for_the_wrong_attributes(block):
    true = [
        fits(block.statements, c, block.scenes, i) for c, i in enumerate(block.statements.image)
    ]
    assert 0.9 < np.mean(true) < 1


def test_captions_fit_other_images_too_but_say_something(block):
    fitting = np.array(
        [
            sum(fits(block.statements, c, block.scenes, i) for i in range(BLOCK))
            for c in range(0, 5 * BLOCK, 5)
        ]
    )
    assert (fitting > 1).mean() > 0.15
    assert np.median(fitting) <= 3


def _carried_carries(said: Statements) -> Statements:
    """The same words, but what is carried carries."""
    both = (said.kind != UNSAID) & (said.cargo != UNSAID)
    return replace(
        said,
        kind=np.where(both, said.cargo, said.kind),
        cargo=np.where(both, said.kind, said.cargo),
    )


def _second_first(said: Statements) -> Statements:
    """The same words, but the second object has the first's relation to it."""
    related = said.relation != UNSAID
    columns = {
        name: getattr(said, name).copy()
        for name in ("kind", "family", "cargo", "colour", "material", "size")
    }
    for values in columns.values():
        values[related, :2] = values[related, 1::-1]
    return replace(said, **columns)


def _colours_exchanged(said: Statements) -> Statements:
    """The same words, but the first two objects have each other's colours."""
    return replace(said, colour=said.colour[:, [1, 0, 2]])


@pytest.mark.parametrize("reorder", [_carried_carries, _second_first, _colours_exchanged])
def test_word_order_tells_near_duplicates_apart(reorder):
    """There are captions that are false of a near-duplicate, and would be true of it with the same
    words in another order.
    """
    told = 0
    for index in range(4):
        block = generate(Options(), "train", index)
        said, scenes = block.statements, block.scenes
        other = reorder(said)
        for c, i in enumerate(said.image):
            for j in np.flatnonzero((scenes.group == scenes.group[i]) & (np.arange(BLOCK) != i)):
                told += (
                    fits(said, c, scenes, i)
                    and not fits(said, c, scenes, j)
                    and fits(other, c, scenes, j)
                )
    assert told >= 5


def test_each_thing_is_said_of_its_share(block):
    blocks = [block, *(generate(Options(), "train", i) for i in range(1, 6))]

    def share(name: str) -> float:
        values = np.concatenate([getattr(b.statements, name) for b in blocks])
        kind = np.concatenate([b.statements.kind for b in blocks])
        family = np.concatenate([b.statements.family for b in blocks])
        mentioned = (kind != UNSAID) | (family != UNSAID)
        return float(
            (values != UNSAID)[mentioned].mean() if values.ndim == 2 else (values != UNSAID).mean()
        )

    expected = {
        "family": 0.05,
        "colour": 0.55,
        "material": 0.2,
        "size": 0.25,
        "cargo": 0.35,
        "setting": 0.3,
        "relation": 0.8 * 0.6,
    }
    assert {name: share(name) for name in expected} == pytest.approx(expected, abs=0.03)


CLASSES = [nouns for members in words.FAMILIES.values() for nouns in members]
MEANING = {
    **{word: ("class", i) for i, nouns in enumerate(CLASSES) for word in nouns},
    **{family: ("family", i) for i, family in enumerate(words.FAMILIES)},
    **{word: ("colour", i) for i, synonyms in enumerate(words.COLOURS) for word in synonyms},
    **{word: ("material", i) for i, synonyms in enumerate(words.MATERIALS) for word in synonyms},
    **{word: ("size", i) for i, synonyms in enumerate(words.SIZES) for word in synonyms},
}


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    return [generate(Options(seed=3), "train", i) for i in range(8)]


def test_the_tables_are_complete_and_no_word_means_two_things():
    assert len(words.FAMILIES) == 12
    assert len(CLASSES) == 60
    assert all(len(nouns) == 3 for nouns in CLASSES)
    content = [
        *chain(*CLASSES),
        *words.FAMILIES,
        *chain(*words.COLOURS),
        *chain(*words.MATERIALS),
        *chain(*words.SIZES),
    ]
    assert len(content) == len(set(content)) == len(MEANING)
    assert all(re.fullmatch("[a-z]+", word) for word in content)
    phrases = [
        *chain(*words.SETTINGS),
        *chain(*words.RELATIONS),
        *words.PREFIXES,
        *words.SUFFIXES,
        *words.CARRIES,
        *words.JOINERS,
        *words.DETERMINERS,
    ]
    assert not set(chain(*map(str.split, phrases))) & set(content)
    assert {family for home in words.AT_HOME for family in home} <= set(words.FAMILIES)
    assert len(words.AT_HOME) == len(words.SETTINGS)


def test_meanings_of_one_sort_are_said_at_equal_length():
    for table in (words.RELATIONS, words.SETTINGS):
        assert len({tuple(len(phrase.split()) for phrase in synonyms) for synonyms in table}) == 1


def _read(caption: str) -> list[dict[str, int]]:
    """The mentions of a caption, read word by word: a noun after a verb of carrying is cargo, any
    other ends a mention's attributes.
    """
    mentions: list[dict[str, int]] = []
    attributes: dict[str, int] = {}
    carried = False
    for word in re.sub(r"(\w+) that is (\w+)", r"\2 \1", caption).split():
        carried |= word in ("carrying", "holding", "topped", "laden")
        sort, index = MEANING.get(word, ("", 0))
        if sort in ("class", "family") and carried:
            mentions[-1]["cargo"], carried = index, False
        elif sort in ("class", "family"):
            mentions.append({sort: index, **attributes})
            attributes = {}
        elif sort:
            attributes[sort] = index
    return mentions


def _phrase_in(caption: str, table) -> int:
    return next(
        (
            i
            for i, phrases in enumerate(table)
            if any(re.search(rf"\b{phrase}\b", caption) for phrase in phrases)
        ),
        UNSAID,
    )


def test_a_caption_says_what_its_statement_says(blocks):
    for block in blocks[:4]:
        said = block.statements
        values = {
            "class": said.kind,
            "family": said.family,
            "cargo": said.cargo,
            "colour": said.colour,
            "material": said.material,
            "size": said.size,
        }
        for c, caption in enumerate(block.captions):
            stated = [
                {name: int(v[c, m]) for name, v in values.items() if v[c, m] != UNSAID}
                for m in range(3)
            ]
            assert _read(caption) == [mention for mention in stated if mention], caption
            assert _phrase_in(caption, words.RELATIONS) == said.relation[c], caption
            assert _phrase_in(caption, words.SETTINGS) == said.setting[c], caption


def test_captions_are_varied_english(blocks):
    captions = [caption for block in blocks for caption in block.captions]
    assert len(set(captions)) > 0.9 * len(captions)
    vocabulary = set(chain(*map(tokenise, captions)))
    assert 250 < len(vocabulary) < 330
    lengths = np.array([len(tokenise(caption)) for caption in captions])
    assert lengths.min() == 2
    assert 8 < lengths.mean() < 14
    assert lengths.max() > 22
    for caption in captions:
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  |^ | $", caption), caption
