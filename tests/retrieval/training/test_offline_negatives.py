"""Offline lists against a sort of the full matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vsebench.plugin import DataError, Key, MiningInputs, OfflineLists, OfflineSpec, PluginError
from vsebench.retrieval.training.offline_negatives import Embedded, OfflineNegatives, clip, mine

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin import OfflineBatch


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
    lists = mine(
        Embedded(image, text, owner), OfflineSpec(text_h=10, image_h=6), Key(0), block=block
    )
    scores = (image @ text.T).numpy()
    for i in range(23):
        others = [c for c in np.argsort(-scores[i]) if owner[c] != i]
        assert lists.texts[i].tolist() == others[:10]
    for c in range(71):
        others = [i for i in np.argsort(-scores[:, c]) if owner[c] != i]
        assert lists.images[c].tolist() == others[:6]


def test_random_lists_hold_no_own_item_and_ignore_similarity() -> None:
    image, text, owner = random_set(12, 60)
    lists = mine(
        Embedded(image, text, owner), OfflineSpec(text_h=40, image_h=8, mine="random"), Key(0)
    )
    assert (owner[lists.texts] != np.arange(12)[:, None]).all()
    assert (lists.images != owner[:, None]).all()
    assert len(np.unique(lists.texts)) == 60


def test_lists_are_clipped_to_what_the_set_has() -> None:
    image, text, owner = random_set(5, 15)
    lists = mine(Embedded(image, text, owner), OfflineSpec(text_h=300, image_h=60), Key(0))
    most = np.bincount(owner).max()
    assert lists.texts.shape == (5, 15 - most)
    assert lists.images.shape == (15, 4)
    assert clip(OfflineSpec(text_h=3, image_h=60), owner, 5) == (3, 4)


@pytest.mark.parametrize("law", ["hard", "random"])
def test_a_list_that_no_role_draws_from_stays_empty(law: str) -> None:
    spec = OfflineSpec(text_h=3, image_h=0, mine=law, roles={"text": "text"})  # type: ignore[arg-type]
    for images, expected in ((5, 3), (2, 1)):
        lists = mine(Embedded(*random_set(images, images)), spec, Key(0))
        assert (lists.texts.shape, lists.images.shape) == ((images, expected), (images, 0))


def test_a_set_of_one_image_has_no_negatives() -> None:
    vectors = torch.ones(1, 2), torch.ones(3, 2), np.zeros(3, np.int64)
    with pytest.raises(DataError, match="1 image and 3 captions"):
        mine(Embedded(*vectors), OfflineSpec(), Key(0))


def test_a_loss_may_mine_by_a_function_of_its_own() -> None:
    image, text, owner = random_set(9, 30)
    seen: list[MiningInputs] = []

    def second_image(inputs: MiningInputs) -> OfflineLists:
        """Every caption of the next image, and the next image."""
        seen.append(inputs)
        first = np.array([np.flatnonzero(owner == (i + 1) % 9)[0] for i in range(9)])
        return OfflineLists(first[:, None], (owner[:, None] + 1) % 9)

    lists = mine(Embedded(image, text, owner), OfflineSpec(image_h=60, mine=second_image), Key(7))
    assert (lists.texts.shape, lists.images.shape) == ((9, 1), (30, 1))
    assert lists.texts.dtype == lists.images.dtype == np.int32
    assert (owner[lists.texts[:, 0]] == (np.arange(9) + 1) % 9).all()
    (inputs,) = seen
    assert inputs.image is image
    assert inputs.text is text
    assert (inputs.text_h, inputs.image_h, inputs.key) == (
        30 - np.bincount(owner).max(),
        8,
        Key(7),
    )


def _negatives(owner: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    texts = np.array([np.flatnonzero(owner != i)[:2] for i in range(images)])
    return texts, (owner[:, None] + 1) % images


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda texts, images: (texts, images), None),
        (lambda texts, images: (texts[:-1], images), r"texts of shape \[3, 2\]"),
        (lambda texts, images: (texts, images[:, 0]), r"images of shape \[12\]"),
        (lambda texts, images: (texts.astype(float), images), "type float64"),
        (lambda texts, images: (texts - 13, images), "texts outside 0 to 11"),
        (lambda texts, images: (texts, images + 4), "images outside 0 to 3"),
        (lambda texts, images: (texts, (images - 1) % 4), "row 0 holds an item of its own image"),
    ],
)
def test_lists_that_are_none_of_negatives_are_refused(
    spoil: Callable[..., tuple[np.ndarray, np.ndarray]], message: str | None
) -> None:
    image, text, owner = random_set(4, 12)
    spec = OfflineSpec(mine=lambda _: OfflineLists(*spoil(*_negatives(owner, 4))))
    if message is None:
        mine(Embedded(image, text, owner), spec, Key(0))
        return
    with pytest.raises(PluginError, match=message):
        mine(Embedded(image, text, owner), spec, Key(0))


def test_a_mine_that_gives_no_lists_is_refused() -> None:
    image, text, owner = random_set(4, 12)
    spec = OfflineSpec(mine=lambda _: _negatives(owner, 4))  # type: ignore[arg-type, return-value]
    with pytest.raises(PluginError, match="a tuple: it must give OfflineLists"):
        mine(Embedded(image, text, owner), spec, Key(0))


OWNER = np.array([0, 1, 2, 3, 0, 1, 2, 3])
LISTS = OfflineLists(
    np.array([[1, 5, 2], [2, 3, 6], [3, 7, 0], [0, 4, 1]], np.int32),
    np.array([[1, 2], [2, 3], [3, 0], [0, 1], [2, 3], [3, 0], [0, 1], [1, 2]], np.int32),
)
CAPTIONS = np.array([6, 1, 4])


def negatives(spec: OfflineSpec, *, sibling_mask: bool = False) -> OfflineNegatives:
    return OfflineNegatives("made-up", spec, LISTS, OWNER, sibling_mask)


def test_by_default_each_entry_of_a_pair_s_lists_is_drawn_alike() -> None:
    captions = np.repeat(CAPTIONS, 3000)
    drawn = negatives(OfflineSpec()).draw(captions, Key(0).generator())
    assert (list(drawn.texts), list(drawn.images)) == (["text"], ["image"])
    for row, caption in enumerate(CAPTIONS):
        own = slice(3000 * row, 3000 * row + 3000)
        for items, expected in (
            (drawn.texts["text"][own], LISTS.texts[OWNER[caption]]),
            (drawn.images["image"][own], LISTS.images[caption]),
        ):
            values, counts = np.unique(items, return_counts=True)
            assert values.tolist() == sorted(expected.tolist())
            assert counts.min() > 0.9 * 3000 / len(expected)


def test_the_two_sides_are_drawn_independently() -> None:
    captions = np.full(4000, 6)
    drawn = negatives(OfflineSpec()).draw(captions, Key(0).generator())
    both = np.unique(np.stack([drawn.texts["text"], drawn.images["image"]]), axis=1)
    assert both.shape == (2, 6)


def test_a_draw_gets_the_batch_and_its_roles_keep_their_order() -> None:
    seen: list[OfflineBatch] = []

    def draw(batch: OfflineBatch) -> dict[str, Any]:
        seen.append(batch)
        image = LISTS.images[batch.captions, 0]
        return {
            "other": image,
            "easy": LISTS.texts[batch.images, 2],
            "hard": LISTS.texts[batch.images, 0].tolist(),
        }

    spec = OfflineSpec(roles={"hard": "text", "other": "image", "easy": "text"}, draw=draw)
    rng = Key(0).generator()
    drawn = negatives(spec, sibling_mask=True).draw(CAPTIONS, rng)
    assert {name: items.tolist() for name, items in drawn.texts.items()} == {
        "hard": [3, 2, 1],
        "easy": [0, 6, 2],
    }
    assert list(drawn.texts) == ["hard", "easy"]
    assert drawn.images["other"].tolist() == [0, 2, 2]
    assert all(items.dtype == np.int64 for part in drawn for items in part.values())
    (batch,) = seen
    assert batch.rng is rng
    assert batch.sibling_mask
    assert batch.lists is LISTS
    assert batch.images.tolist() == [2, 1, 0]
    assert batch.captions_of.row(2).tolist() == [2, 6]


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ({}, "gave the roles none, and its card declares near, far"),
        ({"near": [3, 2, 1]}, "gave the roles near, and its card declares near, far"),
        ({"near": [3, 2, 1], "far": [0, 2]}, r"role 'far' shape \[2\]"),
        ({"near": [3.0, 2, 1], "far": [0, 2, 2]}, "role 'near' shape .* type float64"),
        ({"near": [3, 2, 8], "far": [0, 2, 2]}, "role 'near' items outside 0 to 7"),
        ({"near": [3, 2, 1], "far": [0, 4, 2]}, "role 'far' items outside 0 to 3"),
        ({"near": [3, -1, 1], "far": [0, 2, 2]}, "role 'near' items outside"),
        ({"near": [3, 5, 1], "far": [0, 2, 2]}, "role 'near' an item of the pair's own image"),
        ({"near": [3, 2, 1], "far": [2, 2, 2]}, "role 'far' an item of the pair's own image"),
    ],
)
def test_a_draw_that_is_not_what_its_card_declares_is_refused(
    drawn: dict[str, Any], message: str
) -> None:
    spec = OfflineSpec(roles={"near": "text", "far": "image"}, draw=lambda _: drawn)
    with pytest.raises(PluginError, match=f"^the draw of loss 'made-up' .*{message}"):
        negatives(spec).draw(CAPTIONS, Key(0).generator())


def test_a_loss_may_declare_that_it_draws_positives() -> None:
    spec = OfflineSpec(
        roles={"sibling": "text"},
        draw=lambda batch: {"sibling": batch.captions_of.pick(batch.images, batch.rng)},
        may_draw_positives=True,
    )
    drawn = negatives(spec).draw(CAPTIONS, Key(0).generator())
    assert (OWNER[drawn.texts["sibling"]] == OWNER[CAPTIONS]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_h": 0, "image_h": 0}, "mines nothing"),
        ({"text_h": -1}, "mines nothing"),
        ({"roles": {}}, "draws nothing"),
        ({"roles": {"a": "caption"}}, "'caption'.*known: image, text"),
        ({"start": "worm"}, "did you mean 'warm'"),
        ({"mine": "hart"}, "did you mean 'hard'"),
    ],
)
def test_a_spec_that_could_not_be_meant_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        OfflineSpec(**values)
