"""The data layer against plain ways to do the same: batches from a memory map, the pass over a
file, the generation of scenes.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data.feature_arrays import QuantisedFeatures
from vsebench.data.fingerprint import scan
from vsebench.data.scenes.blocks import Options
from vsebench.data.scenes.dataset import write
from vsebench.data.vocabulary import Vocabulary
from vsebench.data.words import tokenise

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
