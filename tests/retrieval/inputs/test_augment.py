from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.oracles.words import augmented
from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import Key
from vsebench.retrieval.inputs.augment import PaddedTokens, augment_words, compact, keep_features

VOCABULARY = Vocabulary.build([" ".join(f"word{i}" for i in range(50))], min_count=1)


def test_regions_are_dropped_at_the_rate_and_only_where_valid() -> None:
    lengths = np.array([36, 10] * 500)
    keep = keep_features(lengths, 36, 0.2, "region", Key(0).generator())
    assert not keep[1::2, 10:].any()
    assert keep[::2].mean() == pytest.approx(0.8, abs=0.01)
    assert keep[1::2, :10].mean() == pytest.approx(0.8, abs=0.015)


def test_a_grid_drops_cells_at_a_rate_of_its_own() -> None:
    # v ~ U(0, 1); above the rate 0.2 a cell goes with probability 0.2 v: (1 - 0.04) / 2 · 0.2 = 9.6
    # % on average, and 20 % of images lose none
    keep = keep_features(np.full(4000, 49), 49, 0.2, "grid", Key(1).generator())
    dropped = 1 - keep.mean(1)
    assert dropped.mean() == pytest.approx(0.096, abs=0.004)
    none = (dropped == 0).mean()
    assert 0.2 < none < 0.25


@pytest.mark.parametrize("kind", ["region", "grid"])
def test_an_image_never_loses_everything(kind: str) -> None:
    keep = keep_features(np.ones(2000, np.int64), 3, 0.9, kind, Key(2).generator())  # type: ignore[arg-type]
    assert (keep.sum(1) == 1).all()
    assert keep[:, 0].all()


def test_words_are_masked_replaced_and_removed_in_the_published_shares() -> None:
    tokens = np.full((2000, 20), VOCABULARY.unk + 1, np.int64)
    lengths = np.full(2000, 20)
    changed, keep = augment_words(
        PaddedTokens(tokens, None, lengths), 0.2, VOCABULARY, Key(3).generator()
    )
    masked = (changed == VOCABULARY.mask) & keep
    replaced = (changed != tokens) & ~masked & keep
    assert masked.mean() == pytest.approx(0.10, abs=0.005)
    assert replaced.mean() == pytest.approx(0.02, abs=0.003)
    assert (~keep).mean() == pytest.approx(0.08, abs=0.005)


def test_a_replacement_is_never_a_special_token() -> None:
    tokens = np.full((500, 40), VOCABULARY.unk + 1, np.int64)
    changed, _ = augment_words(
        PaddedTokens(tokens, None, np.full(500, 40)), 0.9, VOCABULARY, Key(4).generator()
    )
    replaced = changed[(changed != tokens) & (changed != VOCABULARY.mask)]
    assert len(replaced) > 500
    assert not np.isin(replaced, [VOCABULARY.pad, VOCABULARY.start, VOCABULARY.end]).any()


def test_a_caption_never_becomes_empty() -> None:
    _, keep = augment_words(
        PaddedTokens(np.ones((3000, 2), np.int64), None, np.array([1, 2] * 1500)),
        0.99,
        VOCABULARY,
        Key(5).generator(),
    )
    assert keep.any(1).all()
    assert not keep[::2, 1].any()


@pytest.mark.parametrize("rate", [0.2, 0.99])
def test_words_from_scratch_meet_the_fates_that_their_stream_has_always_given_them(
    rate: float,
) -> None:
    """One number for each token, then one id for each, drawn from `<unk>` up to `<mask>`: the
    streams of finished runs.
    """
    rng = np.random.default_rng(0)
    tokens, lengths = rng.integers(4, len(VOCABULARY) - 1, (200, 7)), rng.integers(1, 8, 200)
    changed, keep = augment_words(
        PaddedTokens(tokens, None, lengths), rate, VOCABULARY, Key(8).generator()
    )
    stream = Key(8).generator()
    fates = stream.random((200, 7), dtype=np.float32)
    others = stream.integers(VOCABULARY.unk, VOCABULARY.mask, (200, 7), dtype=np.int64)
    for b, n in enumerate(lengths):
        expected = augmented(
            tokens[b, :n].tolist(),
            list(range(n)),
            fates[b],
            others[b, :n].tolist(),
            rate,
            VOCABULARY.mask,
        )
        assert changed[b, keep[b]].tolist() == expected


@dataclass(frozen=True)
class Pieces:
    """Ids 10 to 29 are pieces of words, 9 hides them."""

    mask: int = 9
    replacements: np.ndarray = field(default_factory=lambda: np.array([10, 11, 17, 29]))

    def __len__(self) -> int:
        return 30


def in_pieces(batch: int, specials: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Captions of one to five words in one to four pieces, between special tokens 1 and 2 where
    these are wanted.
    """
    rng, rows = np.random.default_rng(1), []
    for _ in range(batch):
        pieces = rng.integers(1, 5, rng.integers(1, 6))
        words = np.repeat(np.arange(len(pieces)), pieces)
        ids = rng.integers(10, 30, len(words))
        rows.append(
            ([1, *ids, 2], [-1, *words, -1]) if specials else (ids.tolist(), words.tolist())
        )
    longest = max(len(ids) for ids, _ in rows)
    tokens, words = np.zeros((batch, longest), np.int64), np.full((batch, longest), -1)
    for b, (ids, numbers) in enumerate(rows):
        tokens[b, : len(ids)], words[b, : len(ids)] = ids, numbers
    return tokens, words, np.array([len(ids) for ids, _ in rows])


@pytest.mark.parametrize("specials", [True, False])
@pytest.mark.parametrize("rate", [0.2, 0.99])
def test_pieces_share_the_fate_of_their_word(rate: float, specials: bool) -> None:
    tokens, words, lengths = in_pieces(300, specials)
    changed, keep = augment_words(
        PaddedTokens(tokens, words, lengths), rate, Pieces(), Key(9).generator()
    )
    stream = Key(9).generator()
    fates = stream.random((300, words.max() + 1), dtype=np.float32)
    others = Pieces().replacements[stream.integers(4, size=tokens.shape)]
    for b, n in enumerate(lengths):
        expected = augmented(
            tokens[b, :n].tolist(), words[b, :n].tolist(), fates[b], others[b, :n].tolist(), rate, 9
        )
        assert changed[b, keep[b]].tolist() == expected


def test_words_in_pieces_are_chosen_in_the_published_shares_and_special_tokens_never() -> None:
    tokens, words, lengths = in_pieces(6000, specials=True)
    tokens = np.where(words >= 0, 20, tokens)  # no replacement is 20, so that each fate shows
    changed, keep = augment_words(
        PaddedTokens(tokens, words, lengths), 0.2, Pieces(), Key(10).generator()
    )
    np.testing.assert_array_equal(changed[words < 0], tokens[words < 0])
    assert keep[:, 0].all()
    assert keep[np.arange(6000), lengths - 1].all()
    first = np.diff(words, axis=1, prepend=-2) * (words >= 0) > 0
    piece = changed[first]
    assert (piece == 9).mean() == pytest.approx(0.10, abs=0.006)
    assert np.isin(piece, Pieces().replacements).mean() == pytest.approx(0.02, abs=0.004)
    assert (~keep)[first].mean() == pytest.approx(0.08, abs=0.006)
    same = (words[:, 1:] == words[:, :-1]) & (words[:, 1:] >= 0)
    for fate in (keep, changed == 9, np.isin(changed, Pieces().replacements)):
        np.testing.assert_array_equal(fate[:, 1:][same], fate[:, :-1][same])


def test_no_augmentation_changes_nothing() -> None:
    tokens = np.arange(12).reshape(3, 4)
    lengths = np.array([4, 1, 2])
    changed, keep = augment_words(
        PaddedTokens(tokens, None, lengths), 0.0, VOCABULARY, Key(6).generator()
    )
    np.testing.assert_array_equal(changed, tokens)
    np.testing.assert_array_equal(keep.sum(1), lengths)
    np.testing.assert_array_equal(
        keep_features(lengths, 4, 0.0, "region", Key(7).generator()).sum(1), lengths
    )


def test_compacting_keeps_the_order() -> None:
    positions, lengths = compact(
        np.array([[False, True, False, True], [True, False, False, False]])
    )
    np.testing.assert_array_equal(lengths, [2, 1])
    assert positions[0].tolist() == [1, 3]
    assert positions[1, 0] == 0


def test_the_same_key_gives_the_same_batch() -> None:
    first, second = (
        keep_features(np.full(8, 30), 36, 0.2, "region", (Key(0) / "augmentation" / 3).generator())
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
