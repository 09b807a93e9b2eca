from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.validate import SPLITS, check_splits, check_widths, first
from vsebench.plugin import DataError

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
