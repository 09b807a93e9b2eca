"""The data layer against plain ways to do the same: batches from a memory map, the pass over a
file, the generation of scenes.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vsebench.data.feature_arrays import QuantisedFeatures
from vsebench.data.fingerprint import scan
from vsebench.data.scenes.dataset import write
from vsebench.data.scenes.options import Options
from vsebench.data.vocabulary import Vocabulary, tokenise
from vsebench.retrieval.inputs.batches import FeatureBatches
from vsebench.retrieval.inputs.splits import ImageFeatures

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.conftest import Compare

BATCH = np.random.default_rng(0).integers(0, 1000, 128)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 images of 36 regions, 512 wide."""
    path = tmp_path_factory.mktemp("table") / "ims.npy"
    np.save(path, np.random.default_rng(0).standard_normal((1000, 36, 512), dtype=np.float32))
    return path


def test_gather(table: Path, benchmark: Any, compare: Compare) -> None:
    """A batch of 128 images from a memory map, against a loader that fetches each image and stacks
    them.
    """
    features = np.load(table, mmap_mode="r")

    def one_by_one() -> np.ndarray:
        items = [np.array(features[i]) for i in BATCH]
        out = np.zeros((len(items), max(map(len, items)), features.shape[2]), np.float32)
        for i, item in enumerate(items):
            out[i, : len(item)] = item
        return out

    np.testing.assert_array_equal(features[BATCH], one_by_one())
    compare(benchmark, lambda: features[BATCH], one_by_one, rounds=15)


def test_gather_quantised(benchmark: Any, compare: Compare) -> None:
    """A batch of 128 images from int8 grids, against converting each image."""
    rng = np.random.default_rng(0)
    features = QuantisedFeatures(
        rng.integers(-128, 128, (1000, 49, 256)).astype(np.int8), rng.random(256, dtype=np.float32)
    )

    def one_by_one() -> np.ndarray:
        return np.stack([features.values[i].astype(np.float32) * features.scale for i in BATCH])

    np.testing.assert_array_equal(features[BATCH], one_by_one())
    compare(benchmark, lambda: features[BATCH], one_by_one, rounds=15)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_training_batch(benchmark: Any, compare: Compare, dtype: type[np.floating]) -> None:
    """An augmented batch of 128 images of 36 regions, 2,048 wide, against a data set of items and a
    function that pads them, as VSE-infinity's loader has them.
    """
    rng = np.random.default_rng(0)
    stored = rng.standard_normal((1000, 36, 2048), dtype=np.float32).astype(dtype)
    images = ImageFeatures(stored, np.full(1000, 36), torch.device("cpu"))
    batches, choices = FeatureBatches(images, "region", 0.2), np.random.default_rng(1)

    def item(index: int) -> torch.Tensor:
        regions = stored[index]
        return torch.Tensor(regions[np.random.rand(len(regions)) > 0.2])  # noqa: NPY002

    def padded() -> torch.Tensor:
        items = [item(index) for index in BATCH]
        out = torch.zeros(len(items), max(map(len, items)), stored.shape[2])
        for row, regions in zip(out, items, strict=True):
            row[: len(regions)] = regions
        return out

    compare(benchmark, lambda: batches.pairs(BATCH, choices), padded, rounds=25)


def test_scan(
    table: Path, benchmark: Any, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hash and finiteness in one pass by blocks, against a pass for each with the file in
    memory.
    """
    monkeypatch.setenv("VSEBENCH_CACHE", str(table / "no folder"))

    def whole() -> tuple[str, bool]:
        return hashlib.sha256(table.read_bytes()).hexdigest(), bool(
            np.isfinite(np.load(table)).all()
        )

    assert whole() == (scan(table).sha256, True)
    compare(benchmark, lambda: scan(table), whole)


def test_encode(benchmark: Any, compare: Compare) -> None:
    """Captions to ids once for a run, against once for each of 25 epochs."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(2000)]
    captions = [" ".join(row) for row in rng.choice(words, (5000, 11))]
    vocabulary = Vocabulary.build(captions, 1)
    ids = {word: i for i, word in enumerate(vocabulary.words)}

    def every_epoch() -> None:
        for _ in range(25):
            for caption in captions:
                np.array([1, *(ids.get(word, 3) for word in tokenise(caption)), 2])

    compare(benchmark, lambda: vocabulary.encode(captions), every_epoch, rounds=3)


def test_generate(tmp_path: Path, benchmark: Any, compare: Compare) -> None:
    """Scenes at the width of published features, against the floor: writing as many bytes."""
    options = Options(images=600, dim=2048)
    images = sum(options.sizes.values())
    row = np.ones((options.regions, options.dim), np.float16)

    def generated() -> None:
        write(tmp_path / "set", options)
        shutil.rmtree(tmp_path / "set")

    def bytes_alone() -> None:
        with (tmp_path / "bytes").open("wb") as file:
            for _ in range(images):
                file.write(row.data)

    compare(benchmark, generated, bytes_alone, rounds=3)
    benchmark.extra_info["images_per_second"] = images / benchmark.stats["median"]
