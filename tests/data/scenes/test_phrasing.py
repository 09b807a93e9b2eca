from __future__ import annotations

import re
from itertools import chain

import numpy as np
import pytest

from vsebench.data.scenes import words
from vsebench.data.scenes.blocks import Block, generate
from vsebench.data.scenes.options import Options
from vsebench.data.scenes.statements import UNSAID
from vsebench.data.vocabulary import tokenise

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
