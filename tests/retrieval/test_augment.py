from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import Key
from vsebench.retrieval.augment import augment_words, compact, keep_features

VOCABULARY = Vocabulary.build([" ".join(f"word{i}" for i in range(50))], min_count=1)


def test_regions_are_dropped_at_the_rate_and_only_where_valid() -> None:
    lengths = np.array([36, 10] * 500)
    keep = keep_features(lengths, 36, 0.2, "region", Key(0).generator())
    assert not keep[1::2, 10:].any()
    assert keep[::2].mean() == pytest.approx(0.8, abs=0.01)
    assert keep[1::2, :10].mean() == pytest.approx(0.8, abs=0.015)


def test_a_grid_drops_cells_at_a_rate_of_its_own() -> None:
    # v ~ U(0, 1); above the rate 0.2 a cell goes with probability 0.2 v: (1 - 0.04) / 2 · 0.2 = 9.6 % on average, and 20 % of images lose none
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
    changed, keep = augment_words(tokens, lengths, 0.2, VOCABULARY, Key(3).generator())
    masked = (changed == VOCABULARY.mask) & keep
    replaced = (changed != tokens) & ~masked & keep
    assert masked.mean() == pytest.approx(0.10, abs=0.005)
    assert replaced.mean() == pytest.approx(0.02, abs=0.003)
    assert (~keep).mean() == pytest.approx(0.08, abs=0.005)


def test_a_replacement_is_never_a_special_token() -> None:
    tokens = np.full((500, 40), VOCABULARY.unk + 1, np.int64)
    changed, _ = augment_words(tokens, np.full(500, 40), 0.9, VOCABULARY, Key(4).generator())
    replaced = changed[(changed != tokens) & (changed != VOCABULARY.mask)]
    assert len(replaced) > 500
    assert not np.isin(replaced, [VOCABULARY.pad, VOCABULARY.start, VOCABULARY.end]).any()


def test_a_caption_never_becomes_empty() -> None:
    _, keep = augment_words(np.ones((3000, 2), np.int64), np.array([1, 2] * 1500), 0.99, VOCABULARY, Key(5).generator())
    assert keep.any(1).all()
    assert not keep[::2, 1].any()


def test_no_augmentation_changes_nothing() -> None:
    tokens = np.arange(12).reshape(3, 4)
    lengths = np.array([4, 1, 2])
    changed, keep = augment_words(tokens, lengths, 0.0, VOCABULARY, Key(6).generator())
    np.testing.assert_array_equal(changed, tokens)
    np.testing.assert_array_equal(keep.sum(1), lengths)
    np.testing.assert_array_equal(keep_features(lengths, 4, 0.0, "region", Key(7).generator()).sum(1), lengths)


def test_compacting_keeps_the_order() -> None:
    positions, lengths = compact(np.array([[False, True, False, True], [True, False, False, False]]))
    np.testing.assert_array_equal(lengths, [2, 1])
    assert positions[0].tolist() == [1, 3]
    assert positions[1, 0] == 0


def test_the_same_key_gives_the_same_batch() -> None:
    first, second = (keep_features(np.full(8, 30), 36, 0.2, "region", (Key(0) / "augmentation" / 3).generator()) for _ in range(2))
    np.testing.assert_array_equal(first, second)
