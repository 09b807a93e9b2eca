"""The draw of AOQ's offline negatives: as the released code has it, and as it has always been."""

from __future__ import annotations

import numpy as np
import pytest

from vsebench.plugin import Key, OfflineBatch, OfflineLists, Positives
from vsebench_plugins.aoq.negatives import ROLES, draw

OWNER = np.array([2, 0, 1, 1, 0, 3, 2, 3, 3, 0, 1, 2, 3, 1])
TEXTS = np.array([[c for c in range(14) if OWNER[c] != i][-9:] for i in range(4)], np.int32)
IMAGES = np.array([[(OWNER[c] + k) % 4 for k in (1, 3, 2)] for c in range(14)], np.int32)
BATCHES = np.array([3, 0, 12, 7, 5, 9, 1, 13]), np.array([2, 4, 6, 8])

TEXT3, IMAGE4 = (
    [4, 7, 4, 9, 2, 8, 11, 4, 1, 12, 5, 13],
    [0, 3, 0, 0, 1, 3, 2, 0, 0, 3, 3, 1],
)
STORED = {
    "pairs": (
        (3, False),
        {
            "text3": TEXT3,
            "image3": [2, 1, 2, 2, 0, 3, 2, 2, 2, 2, 3, 1],
            "image4": IMAGE4,
            "text4": [6, 3, 11, 0, 4, 8, 11, 11, 6, 11, 7, 10],
        },
    ),
    "siblings": (
        (3, True),
        {
            "text3": TEXT3,
            "image3": [2, 1, 2, 2, 0, 2, 1, 2, 2, 2, 1, 0],
            "image4": IMAGE4,
            "text4": [6, 3, 11, 0, 4, 6, 13, 11, 6, 11, 3, 4],
        },
    ),
    "one image a caption": (
        (1, True),
        {
            "text3": TEXT3,
            "image3": [2, 3, 0, 0, 0, 1, 1, 2, 2, 1, 3, 0],
            "image4": IMAGE4,
            "text4": [6, 7, 9, 1, 4, 10, 13, 11, 6, 13, 7, 4],
        },
    ),
}
"""Two batches of one stream, drawn before the draw was the plugin's: width of the lists of images,
sibling mask, and what was drawn.
"""


def batch(
    captions: np.ndarray,
    lists: OfflineLists,
    owner: np.ndarray,
    rng: np.random.Generator,
    *,
    sibling_mask: bool = False,
) -> OfflineBatch:
    captions_of = Positives.from_pairs(owner, np.arange(len(owner)), owner.max() + 1, len(owner))
    return OfflineBatch(captions, lists, owner, captions_of, sibling_mask, rng)


@pytest.mark.parametrize("case", STORED)
def test_draws_are_what_they_have_always_been(case: str) -> None:
    (image_h, mask), stored = STORED[case]
    rng = (Key(3) / "offline negatives" / 1).generator()
    lists = OfflineLists(TEXTS, IMAGES[:, :image_h])
    drawn = [draw(batch(each, lists, OWNER, rng, sibling_mask=mask)) for each in BATCHES]
    assert {role: np.concatenate([each[role] for each in drawn]).tolist() for role in ROLES} == (
        stored
    )


def test_one_rank_serves_both_lists_as_published() -> None:
    texts, images = 300, 60
    owner = np.arange(1000) // 5
    lists = OfflineLists(
        np.tile(np.arange(texts, dtype=np.int32), (200, 1)),  # the list entry is its own rank
        np.tile(np.arange(images, dtype=np.int32), (1000, 1)),
    )
    captions = np.random.default_rng(0).integers(1000, size=500)
    drawn = draw(batch(captions, lists, owner, Key(0).generator()))
    np.testing.assert_array_equal(
        drawn["image3"], drawn["text3"] // 5
    )  # the released code's n // 5
    assert drawn["text3"].max() > 290
    np.testing.assert_array_equal(drawn["image4"], owner[drawn["text3"]])
    np.testing.assert_array_equal(owner[drawn["text4"]], drawn["image3"])


def test_siblings_are_avoided_when_asked() -> None:
    owner = np.arange(20) // 5  # four images
    # Caption 5 is of image 1
    lists = OfflineLists(
        np.full((4, 3), 5, np.int32), np.tile(np.array([1, 2, 3], np.int32), (20, 1))
    )
    captions = np.zeros(200, np.int64)
    plain, masked = (
        draw(batch(captions, lists, owner, Key(0).generator(), sibling_mask=mask))
        for mask in (False, True)
    )
    assert (plain["image3"] == plain["image4"]).any()
    assert (masked["image3"] != masked["image4"]).all()
