"""How images are found among the names of feature files."""

from __future__ import annotations

import pytest

from vsebench.data.prepare.source import Image, Split, match
from vsebench.plugin import DataError


def splits(*paths: str) -> list[Split]:
    return [Split("train", [Image(str(i), path, ("a",)) for i, path in enumerate(paths, start=7)])]


def test_images_of_one_file_name_in_two_folders_do_not_share_features() -> None:
    wanted = splits("cats/1.jpg", "dogs/1.jpg")
    with pytest.raises(DataError, match=r"cats/1\.jpg and dogs/1\.jpg have the same file name"):
        match(wanted, {"1", "2"}, "features")


def test_a_scheme_that_tells_images_apart_goes_before_one_that_does_not() -> None:
    wanted = splits("cats/1.jpg", "dogs/1.jpg")
    assert match(wanted, {"1", "7", "8"}, "features") == {"train": ["7", "8"]}
    paths = {"cats/1.jpg", "dogs/1.jpg", "1.jpg"}
    assert match(wanted, paths, "features") == {"train": ["cats/1.jpg", "dogs/1.jpg"]}
