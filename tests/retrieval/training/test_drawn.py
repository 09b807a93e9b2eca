"""What a loss draws from its mined lists, and what a draw may not give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.plugin import Key, OfflineLists, OfflineSpec, PluginError
from vsebench.retrieval.training.drawn import OfflineNegatives

if TYPE_CHECKING:
    from vsebench.plugin import OfflineBatch

OWNER = np.array([0, 1, 2, 3, 0, 1, 2, 3])
LISTS = OfflineLists(
    np.array([[1, 5, 2], [2, 3, 6], [3, 7, 0], [0, 4, 1]], np.int32),
    np.array([[1, 2], [2, 3], [3, 0], [0, 1], [2, 3], [3, 0], [0, 1], [1, 2]], np.int32),
)
CAPTIONS = np.array([6, 1, 4])


def negatives(spec: OfflineSpec, *, sibling_mask: bool = False) -> OfflineNegatives:
    return OfflineNegatives.over(
        OWNER, 4, loss="made-up", spec=spec, lists=LISTS, sibling_mask=sibling_mask
    )


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
