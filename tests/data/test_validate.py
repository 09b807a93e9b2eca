from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vsebench.data.validate import (
    SPLITS,
    check_data,
    check_split,
    check_splits,
    check_widths,
    compare_counts,
    first,
)
from vsebench.plugin import DataError, RetrievalData, RetrievalSplit


def split(images: int = 3, width: int = 4) -> RetrievalSplit:
    """Captions per image: 1, 2, 3, …"""
    owners = np.repeat(np.arange(images), np.arange(1, images + 1))
    return RetrievalSplit(
        np.zeros((images, 5, width), np.float32),
        np.arange(1, images + 1),
        [f"thing {i}" for i in owners],
        owners,
    )


def test_a_sound_split_passes():
    check_split(split())
    check_split(split(1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"features": np.zeros((3, 4))},
            r"shape \(3, 4\), expected \[images, local features, width\]",
        ),
        ({"features": np.zeros((3, 0, 4))}, "expected"),
        ({"features": np.zeros((2, 5, 4))}, "2 images have 3 lengths"),
        ({"lengths": np.array([1, 2])}, "3 images have 2 lengths"),
        ({"lengths": np.array([1, 0, 2])}, "image 1 has length 0, expected 1 to 5"),
        ({"lengths": np.array([1, 2, 6])}, "image 2 has length 6, expected 1 to 5"),
        ({"lengths": np.array([1, 2, 3], np.int32)}, "lengths are int32, expected int64"),
        ({"captions": ["a"] * 5}, "5 captions have 6 images"),
        ({"captions": ["a", "b", "c", " . ", "d", "e"]}, "caption on line 4 is empty"),
        (
            {"text_to_image": np.array([0, 1, 1, 2, 2, 3])},
            "caption 5 belongs to image 3, expected 0 to 2",
        ),
        ({"text_to_image": np.array([0, 1, 1, 2, 2, -1])}, "caption 5 belongs to image -1"),
        ({"text_to_image": np.array([0, 0, 0, 2, 2, 2])}, "image 1 has no caption"),
        ({"text_to_image": np.array([0, 1, 1, 2, 2, 2.0])}, "text_to_image are float64"),
    ],
)
def test_an_unsound_split_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        check_split(replace(split(), **changes))


def test_the_error_names_set_and_split():
    data = RetrievalData(
        {
            "train": split(),
            "dev": replace(split(), captions=["x", "y", "", "z", "u", "v"]),
            "test": split(),
        }
    )
    with pytest.raises(
        DataError, match=r"^data set 'mine', split 'dev': caption on line 3 is empty"
    ):
        check_data(data, "mine")


def test_every_split_must_be_there():
    with pytest.raises(DataError, match="data set 'mine' has no split 'dev': it has train, test"):
        check_data(RetrievalData({"train": split(), "test": split()}), "mine")


def test_splits_must_have_one_width():
    with pytest.raises(DataError, match="different widths: train 4, dev 4, test 7"):
        check_data(
            RetrievalData({"train": split(), "dev": split(), "test": split(width=7)}), "mine"
        )


def test_counts_are_compared_with_the_published_ones():
    data = RetrievalData({"train": split(4), "dev": split(), "test": split()})
    assert compare_counts(data, {}) == ()
    assert compare_counts(data, {"train": (4, 10), "testall": (1, 1)}) == ()
    assert compare_counts(data, {"train": (4, 10), "dev": (3, 7), "test": (5, 6)}) == (
        "dev has 3 images and 6 captions, published are 3 and 7",
        "test has 3 images and 6 captions, published are 5 and 6",
    )


WHOLE = {"train": 1, "dev": 2, "test": 3}


def test_every_split_is_checked_and_named() -> None:
    seen: list[int] = []
    check_splits("mine", WHOLE | {"extra": 4}, seen.append)
    assert seen == [WHOLE[split] for split in SPLITS]

    def check(split: int) -> None:
        if split == 2:
            raise DataError("it is two")

    with pytest.raises(DataError, match=r"^data set 'mine', split 'dev': it is two$"):
        check_splits("mine", WHOLE, check)


@pytest.mark.parametrize(
    ("splits", "has"), [({}, "none"), ({"train": 1, "test": 3}, "train, test")]
)
def test_a_split_that_is_absent_is_named(splits: dict[str, int], has: str) -> None:
    with pytest.raises(
        DataError,
        match=f"^data set 'mine' has no split '{'dev' if splits else 'train'}': it has {has}$",
    ):
        check_splits("mine", splits, lambda split: None)


def test_widths() -> None:
    check_widths("mine", {})
    check_widths("mine", {"train": 4, "test": 4})
    with pytest.raises(DataError, match="features of different widths: train 4, test 5"):
        check_widths("mine", {"train": 4, "test": 5})


def test_first() -> None:
    assert first(np.array([False, True, True])) == 1
    assert first(np.array([False])) is None
    assert first(np.array([], bool)) is None
