from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data import flickr8k
from vsebench.data.annotation import flickr8k_words
from vsebench.data.annotation.flickr8k_words import Flickr8kWords, PooledFeatures
from vsebench.data.feature_arrays import QuantisedFeatures
from vsebench.data.open import open_dataset

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[4] / "shared" / "data")
SPLITS = {"train": ["t0.jpg", "t1.jpg"], "dev": ["d0.jpg"], "test": ["x0.jpg"]}
WORDS = {
    "t0.jpg": "A dog , a red dog",
    "t1.jpg": "the cat",
    "d0.jpg": "red cat zebra",
    "x0.jpg": "the Dog",
}


@pytest.fixture
def root(tmp_path):
    for split, images in SPLITS.items():
        (tmp_path / flickr8k.SPLITS[split]).write_text("\n".join(images) + "\n")
    captions = [
        f"{image}#{k}\t{words if k else 'a ' + words}"
        for image, words in WORDS.items()
        for k in range(5)
    ]
    (tmp_path / flickr8k.TOKENS).write_text("\n".join(captions) + "\n")
    (tmp_path / flickr8k.NAMES).write_text("\n".join(WORDS))
    np.save(tmp_path / flickr8k.FEATURES, np.arange(4 * 49 * 2).reshape(4, 49, 2).astype(np.int8))
    np.save(tmp_path / flickr8k.SCALE, np.ones(2, np.float32))
    return tmp_path


def words(data, split: str, image: int) -> list[str]:
    return [data.label_names[label] for label in data.splits[split].positives.row(image)]


def test_official_split_has_the_words_of_training_captions_as_labels(root):
    data = Flickr8kWords(dim=2).load(root)
    assert not data.aligned
    assert data.label_names == ["a", "cat", "dog", "red", "the"]
    assert [words(data, "train", i) for i in (0, 1)] == [["a", "dog", "red"], ["a", "cat", "the"]]
    assert words(data, "dev", 0) == ["a", "cat", "red"]  # 'zebra' is in no training caption
    assert words(data, "test", 0) == ["a", "dog", "the"]
    assert data.splits["test"].features.shape == (1, 2)
    assert Flickr8kWords(dim=2, features="grid").load(root).splits["train"].features.shape == (
        2,
        98,
    )


def test_leave_one_out_divides_the_words_of_all_images(root):
    data = Flickr8kWords(split="leave-one-out", dim=2).load(root)
    assert data.aligned
    assert data.label_names == ["a", "cat", "dog", "red", "the", "zebra"]
    assert [
        sorted(word for split in data.splits for word in words(data, split, i)) for i in range(4)
    ] == [
        ["a", "dog", "red"],
        ["a", "cat", "the"],
        ["a", "cat", "red", "zebra"],
        ["a", "dog", "the"],
    ]
    assert all(split.features is None for split in data.splits.values())


@pytest.mark.data
@pytest.mark.skipif(not (REAL / "flickr8k").is_dir(), reason=f"Flickr8k is not in {REAL}")
@pytest.mark.parametrize("split", ["official", "leave-one-out"])
def test_the_real_set(split):
    opened = open_dataset(
        dataset("flickr8k-words"), {"split": split}, data_roots=[REAL], strict=True
    )
    assert opened.warnings == ()
    if split == "official":
        features = opened.data.splits["test"].features
        assert features.shape == (1000, 256)
        assert np.isfinite(features[np.arange(3)]).all()


@pytest.mark.parametrize("block", [2, 1000])
def test_one_vector_of_each_image(monkeypatch, block):
    monkeypatch.setattr(flickr8k_words, "_BLOCK", block)
    values = np.random.default_rng(0).integers(-128, 128, (7, 4, 3)).astype(np.int8)
    scale = np.array([0.5, 1, 2], np.float32)
    base = QuantisedFeatures(values, scale)
    mean, grid = PooledFeatures(base, "mean"), PooledFeatures(base, "grid")
    assert (mean.shape, grid.shape, mean.dtype, len(mean)) == ((7, 3), (7, 12), np.float32, 7)
    real = (values * scale).astype(np.float32)
    for index in (np.array([6, 0, 0]), np.empty(0, np.int64), slice(2, 5), slice(None)):
        np.testing.assert_allclose(mean[index], real[index].mean(axis=1), rtol=1e-6)
        np.testing.assert_array_equal(grid[index], real[index].reshape(len(real[index]), 12))
