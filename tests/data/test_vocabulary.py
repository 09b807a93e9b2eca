from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.vocabulary import Vocabulary, some_word_is_known
from vsebench.plugin import DataError


def test_ids_follow_count_then_word():
    vocabulary = Vocabulary.build(["b a a", "b c c", "d"], min_count=1)
    assert vocabulary.words == ("<pad>", "<start>", "<end>", "<unk>", "a", "b", "c", "d", "<mask>")
    assert (vocabulary.pad, vocabulary.start, vocabulary.end, vocabulary.unk, vocabulary.mask) == (
        0,
        1,
        2,
        3,
        8,
    )
    assert len(vocabulary) == 9
    assert Vocabulary.build(["c c b", "a b a d"], min_count=1) == vocabulary


def test_rare_words_are_unknown():
    vocabulary = Vocabulary.build(["a a b", "a b c"], min_count=2)
    assert vocabulary.words == ("<pad>", "<start>", "<end>", "<unk>", "a", "b", "<mask>")
    table = vocabulary.encode(["a c b", "", "zebra"])
    assert table.tokens.tolist() == [1, 4, 3, 5, 2, 1, 2, 1, 3, 2]
    assert table.offsets.tolist() == [0, 5, 7, 10]
    assert table.lengths.tolist() == [5, 2, 3]
    assert len(table) == 3
    assert (table.tokens.dtype, table.offsets.dtype) == (np.int32, np.int64)


def test_encode_equals_looking_up_word_by_word():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(50)]
    captions = [" ".join(rng.choice(words, rng.integers(0, 12))) for _ in range(200)]
    vocabulary = Vocabulary.build(captions[:100], min_count=3)
    table = vocabulary.encode(captions)
    for i, caption in enumerate(captions):
        expected = [
            "<start>",
            *(w if w in vocabulary.words else "<unk>" for w in caption.split()),
            "<end>",
        ]
        assert [
            vocabulary.words[t] for t in table.tokens[table.offsets[i] : table.offsets[i + 1]]
        ] == expected


def test_no_caption_gives_an_empty_table():
    table = Vocabulary.build([], min_count=1).encode([])
    assert table.tokens.shape == (0,)
    assert table.offsets.tolist() == [0]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("<pad>", "<start>", "<end>", "<unk>"),
        ("<pad>", "<start>", "<end>", "<unk>", "a", "a", "<mask>"),
    ],
)
def test_a_malformed_vocabulary_is_refused(words):
    with pytest.raises(DataError, match="a vocabulary holds"):
        Vocabulary(words)


def test_unknown_words_are_those_that_are_read_as_unknown():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(40)]
    captions = [" ".join(rng.choice(words, rng.integers(1, 12))) for _ in range(60)]
    for min_count in (1, 3, 9):
        vocabulary = Vocabulary.build(captions[:20], min_count)
        unknown, total = vocabulary.unknown(captions[20:])
        read = vocabulary.encode(captions[20:]).tokens
        assert unknown == (read == vocabulary.unk).sum()
        assert total == len(read) - 2 * 40


@pytest.mark.parametrize("min_count", [1, 2, 3, 4])
def test_some_word_is_known_when_the_vocabulary_has_one(min_count):
    captions = ["a dog a", "the dog a", "cat"]
    assert some_word_is_known(captions, min_count) == (
        len(Vocabulary.build(captions, min_count)) > 5
    )
