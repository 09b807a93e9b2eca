"""Offline lists against a sort of the full matrix."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vsebench.plugin import Key, OfflineSpec
from vsebench.retrieval.inputs.tables import CaptionsOf
from vsebench.retrieval.training.mining import OfflineLists, draw, mine

if TYPE_CHECKING:
    from pathlib import Path


def random_set(
    images: int, captions: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(images), rng.integers(images, size=captions - images)])
    rng.shuffle(owner)
    vectors = [
        torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, 8))), dim=1)
        for n in (images, captions)
    ]
    return vectors[0], vectors[1], owner


@pytest.mark.parametrize("block", [1, 7, 256])
def test_hard_lists_are_the_most_similar_items_of_other_images(block: int) -> None:
    image, text, owner = random_set(23, 71)
    lists = mine(image, text, owner, OfflineSpec(text_h=10, image_h=6), Key(0), block=block)
    scores = (image @ text.T).numpy()
    for i in range(23):
        others = [c for c in np.argsort(-scores[i]) if owner[c] != i]
        assert lists.image_to_text[i].tolist() == others[:10]
    for c in range(71):
        others = [i for i in np.argsort(-scores[:, c]) if owner[c] != i]
        assert lists.text_to_image[c].tolist() == others[:6]


def test_random_lists_hold_no_own_item_and_ignore_similarity() -> None:
    image, text, owner = random_set(12, 60)
    lists = mine(image, text, owner, OfflineSpec(text_h=40, image_h=8, mine="random"), Key(0))
    assert (owner[lists.image_to_text] != np.arange(12)[:, None]).all()
    assert (lists.text_to_image != owner[:, None]).all()
    assert len(np.unique(lists.image_to_text)) == 60


def test_lists_are_cut_with_one_warning_to_what_the_set_has(
    caplog: pytest.LogCaptureFixture,
) -> None:
    image, text, owner = random_set(5, 15)
    with caplog.at_level(logging.WARNING):
        lists = mine(image, text, owner, OfflineSpec(text_h=300, image_h=60), Key(0))
    most = np.bincount(owner).max()
    assert lists.image_to_text.shape == (5, 15 - most)
    assert lists.text_to_image.shape == (15, 4)
    assert len(caplog.records) == 1


def test_one_rank_serves_both_lists_as_published() -> None:
    texts, images = 300, 60
    owner = np.arange(1000) // 5
    lists = OfflineLists(
        np.tile(np.arange(texts, dtype=np.int32), (200, 1)),  # the list entry is its own rank
        np.tile(np.arange(images, dtype=np.int32), (1000, 1)),
    )
    captions = np.random.default_rng(0).integers(1000, size=500)
    index = CaptionsOf.index(owner, 200)
    drawn = draw(lists, captions, owner, index, avoid_siblings=False, rng=Key(0).generator())
    np.testing.assert_array_equal(drawn.image3, drawn.text3 // 5)  # n // 5 of the released code
    assert drawn.text3.max() > 290
    np.testing.assert_array_equal(drawn.image4, owner[drawn.text3])
    np.testing.assert_array_equal(owner[drawn.text4], drawn.image3)


def test_siblings_are_avoided_when_asked() -> None:
    owner = np.arange(20) // 5  # four images
    # Caption 5 is of image 1
    lists = OfflineLists(
        np.full((4, 3), 5, np.int32), np.tile(np.array([1, 2, 3], np.int32), (20, 1))
    )
    captions = np.zeros(200, np.int64)
    index = CaptionsOf.index(owner, 4)
    plain = draw(lists, captions, owner, index, avoid_siblings=False, rng=Key(0).generator())
    masked = draw(lists, captions, owner, index, avoid_siblings=True, rng=Key(0).generator())
    assert (plain.image3 == plain.image4).any()
    assert (masked.image3 != masked.image4).all()


def test_lists_survive_a_round_trip(tmp_path: Path) -> None:
    image, text, owner = random_set(6, 18)
    lists = mine(image, text, owner, OfflineSpec(text_h=4, image_h=3), Key(0))
    lists.save(tmp_path / "offline.npz")
    again = OfflineLists.load(tmp_path / "offline.npz")
    np.testing.assert_array_equal(again.image_to_text, lists.image_to_text)
    np.testing.assert_array_equal(again.text_to_image, lists.text_to_image)
