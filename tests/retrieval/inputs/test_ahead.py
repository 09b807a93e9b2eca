from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vsebench.data.feature_arrays import QuantisedFeatures, RaggedFeatures, RowSelection, gather
from vsebench.plugin import DataError, Key
from vsebench.retrieval.inputs import splits
from vsebench.retrieval.inputs.ahead import AHEAD, FeaturesAhead
from vsebench.retrieval.inputs.batches import FeatureBatches
from vsebench.retrieval.inputs.splits import ImageFeatures

if TYPE_CHECKING:
    from vsebench.plugin.datasets import FeatureArray

CPU = torch.device("cpu")
IMAGES, MOST, DIM = 40, 6, 3
LENGTHS = np.random.default_rng(1).integers(1, MOST + 1, IMAGES)


def arrays() -> dict[str, FeatureArray]:
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(IMAGES, MOST, DIM)).astype(np.float32)
    starts = np.cumsum(LENGTHS) - LENGTHS
    return {
        "fp32": plain,
        "fp16": plain.astype(np.float16),
        "quantised": QuantisedFeatures(
            rng.integers(-100, 100, plain.shape).astype(np.int8), np.full(DIM, 0.1, np.float32)
        ),
        "chosen": RowSelection(np.concatenate([plain, plain]), np.arange(IMAGES) * 2),
        "ragged": RaggedFeatures(plain.reshape(-1, DIM), starts, LENGTHS, MOST),
    }


@pytest.mark.parametrize("name", arrays())
def test_a_batch_is_what_a_gather_gives_in_half_precision(name: str) -> None:
    features, rng = arrays()[name], np.random.default_rng(2)
    ahead = FeaturesAhead(features, LENGTHS, CPU)
    for _ in range(2):  # epochs
        batches = np.split(rng.permutation(IMAGES), range(7, IMAGES, 7))
        ahead.announce(batches)
        for images in batches:
            positions = rng.integers(0, LENGTHS[images][:, None], (len(images), 4))
            found = ahead.take(images, positions)
            assert found.dtype == torch.float16
            expected = gather(features, images, positions).astype(np.float16)
            np.testing.assert_array_equal(found.numpy(), expected)


def test_what_was_not_announced_is_refused() -> None:
    ahead = FeaturesAhead(arrays()["fp32"], LENGTHS, CPU)
    ahead.announce([np.array([1, 2]), np.array([3, 4])])
    ahead.take(np.array([1, 2]), np.zeros((2, 1), int))
    with pytest.raises(RuntimeError, match="other images"):
        ahead.take(np.array([4, 3]), np.zeros((2, 1), int))
    with pytest.raises(RuntimeError, match="other images"):
        ahead.take(np.array([3, 4]), np.zeros((2, 1), int))


def test_batches_are_gathered_in_another_thread_and_not_too_far_ahead() -> None:
    plain, seen = arrays()["fp32"], []

    class Watched:
        shape, dtype = plain.shape, plain.dtype

        def __len__(self) -> int:
            return IMAGES

        def __getitem__(self, images: np.ndarray) -> np.ndarray:
            seen.append((threading.current_thread().name, images.tolist()))
            return plain[images]

    ahead = FeaturesAhead(Watched(), LENGTHS, CPU)  # type: ignore[arg-type]
    batches = [np.array([i]) for i in range(12)]
    ahead.announce(batches)
    assert seen == []
    for number, images in enumerate(batches, start=1):
        ahead.take(images, np.zeros((1, 1), int))
        # besides those in use: the one that is copied, and those that are gathered
        assert number <= len(seen) <= number + 1 + AHEAD
    assert [images for _, (images,) in ((name, images) for name, images in seen)] == list(range(12))
    assert all(name.startswith("gather") for name, _ in seen)


def test_a_failed_read_shows_in_the_step() -> None:
    class Broken:
        shape, dtype = (IMAGES, MOST, DIM), np.dtype(np.float32)

        def __len__(self) -> int:
            return IMAGES

        def __getitem__(self, images: np.ndarray) -> np.ndarray:
            raise OSError("the disk is gone")

    ahead = FeaturesAhead(Broken(), LENGTHS, CPU)  # type: ignore[arg-type]
    ahead.announce([np.array([0])])
    with pytest.raises(OSError, match="the disk is gone"):
        ahead.take(np.array([0]), np.zeros((1, 1), int))


def test_training_batches_are_the_same_with_and_without() -> None:
    features = arrays()["fp16"]
    plain, streamed = (ImageFeatures(features, LENGTHS, CPU) for _ in range(2))
    streamed._ahead = FeaturesAhead(features, LENGTHS, CPU)
    order, batches = np.random.default_rng(3).permutation(IMAGES), []
    for table in (plain, streamed):
        builder, rng = FeatureBatches(table, "region", 0.3, static=True), Key(5).generator()
        builder.announce(order, 9, Key(6))
        made = []
        for start in range(0, IMAGES, 9):
            made.append(builder.pairs(order[start : start + 9], rng))
            made.append(builder.others(np.array([3, 3, 1]), rng))
        batches.append(made)
    for one, other in zip(*batches, strict=True):
        assert torch.equal(one.values.half(), other.values.half())
        assert torch.equal(one.lengths, other.lengths)


def test_features_that_half_precision_cannot_hold_are_refused() -> None:
    """They would be infinite on the device, and fine on a CPU."""
    features = arrays()["fp32"]
    features[3, 0, 1] = 1e5
    ahead = FeaturesAhead(features, LENGTHS, CPU)
    ahead.announce([np.array([0, 3])])
    with pytest.raises(DataError, match="100000, which half precision cannot hold"):
        ahead.take(np.array([0, 3]), np.zeros((2, 1), int))
    with pytest.raises(DataError, match="100000, which half precision cannot hold"):
        splits._to_device(features, CPU)
