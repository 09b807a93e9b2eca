"""Training images that stand in for dev."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vsebench.data.feature_arrays import RowSelection
from vsebench.plugin import RetrievalData, RetrievalSplit
from vsebench.results.protocol import Protocol
from vsebench.retrieval.inputs.held_out import SomeImages, selected, splits_of

if TYPE_CHECKING:
    from vsebench.plugin import FeatureArray, ImageSource


class Listed:
    """Raw images in memory."""

    def __init__(self, contents: list[bytes], stamp: str = "now") -> None:
        self.contents = contents
        self.changed = stamp

    def __len__(self) -> int:
        return len(self.contents)

    def read(self, index: int) -> bytes:
        return self.contents[index]

    def where(self, index: int) -> str:
        return f"image {index}"

    def stamp(self) -> str:
        return self.changed


def made(
    name: str, images: int, features: FeatureArray | ImageSource | None = None
) -> RetrievalSplit:
    """Images with zero to two captions each beside their first, in mixed order."""
    rng = np.random.default_rng(images)
    owner = rng.permutation(np.concatenate([np.arange(images), rng.integers(images, size=images)]))
    return RetrievalSplit(
        rng.normal(size=(images, 3, 2)).astype(np.float32) if features is None else features,
        rng.integers(1, 4, size=images),
        [f"{name} {k}, of image {image}" for k, image in enumerate(owner)],
        owner,
    )


def captions(split: RetrievalSplit, image: int) -> list[str]:
    pairs = zip(split.captions, split.text_to_image, strict=True)
    return [caption for caption, owner in pairs if owner == image]


def data(train: RetrievalSplit | None = None) -> RetrievalData:
    return RetrievalData(
        {"train": train or made("train", 40), "dev": made("dev", 7), "test": made("test", 9)}
    )


def test_without_it_the_splits_are_those_of_the_set() -> None:
    given = data()
    assert splits_of(given, Protocol()) == given.splits


@pytest.mark.parametrize("counted", ["test", "dev+test"])
def test_train_is_divided_and_dev_is_read_by_nobody_or_counted(counted: str) -> None:
    given = data()
    protocol = Protocol(tune_images=12, evaluate_on=counted)
    found = splits_of(given, protocol)
    train, dev = found["train"], found["dev"]
    assert (len(train.lengths), len(dev.lengths)) == (28, 12)
    assert sorted([*train.captions, *dev.captions]) == sorted(given.splits["train"].captions)
    assert found["test"] is given.splits["test"]
    assert found.get("second") is (given.splits["dev"] if counted == "dev+test" else None)
    again = splits_of(data(), protocol)["dev"]
    assert list(again.captions) == list(dev.captions)
    assert dev.captions != splits_of(given, Protocol(tune_images=11))["dev"].captions


@pytest.mark.parametrize("kind", ["array", "selection"])
def test_images_keep_their_features_lengths_and_captions(kind: str) -> None:
    features: FeatureArray = np.random.default_rng(1).normal(size=(40, 3, 2))
    if kind == "selection":
        features = RowSelection(features, np.arange(40)[::-1].copy())
    split = made("train", 40, features)
    images = np.array([3, 4, 11, 30])
    found = selected(split, images)
    for new, old in enumerate(images):
        assert (found.features[np.array([new])] == split.features[np.array([old])]).all()  # type: ignore[index]
        assert found.lengths[new] == split.lengths[old]
        assert captions(found, new) == captions(split, old)
    assert len(found.captions) == int(np.isin(split.text_to_image, images).sum())


def test_raw_images_are_read_by_their_own_number() -> None:
    source = Listed([f"image {i}".encode() for i in range(40)])
    found = selected(made("train", 40, source), np.array([2, 39])).features
    assert isinstance(found, SomeImages)
    assert len(found) == 2
    assert [found.read(i) for i in range(2)] == [b"image 2", b"image 39"]
    assert found.where(1) == source.where(39)
    other = SomeImages(source, np.array([2, 38]))
    assert len({source.stamp(), found.stamp(), other.stamp()}) == 3
    assert SomeImages(Listed([], stamp=""), np.array([], np.int64)).stamp() == ""
