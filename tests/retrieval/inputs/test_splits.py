from __future__ import annotations

import numpy as np
import pytest
import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.kernels.devices import RUNS_ON_DEVICE
from vsebench.retrieval.inputs import splits
from vsebench.retrieval.inputs.splits import Captions, ImageFeatures


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_features_are_gathered_by_image_and_position(dtype: type[np.floating]) -> None:
    features = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(dtype)
    features[2, 1] = [np.nan, -0.0]
    features[0, 2, 0] = np.inf
    table = ImageFeatures(features, np.array([3, 1, 2, 3]), torch.device("cpu"))
    got = table.gather(np.array([2, 0]), np.array([[1, 0], [2, 2]]))
    assert got.dtype == torch.float32
    expected = np.stack([features[2, [1, 0]], features[0, [2, 2]]]).astype(np.float32)
    assert got.numpy().tobytes() == expected.tobytes()


def test_captions_are_padded_to_the_longest_of_the_batch() -> None:
    captions = ["a dog", "a dog runs very fast", "cat"]
    vocabulary = Vocabulary.build(captions, 1)
    table = Captions(vocabulary.encode(captions))
    tokens, lengths = table.gather(np.array([2, 0]))
    assert lengths.tolist() == [3, 4]
    assert tokens.shape == (2, 4)
    assert tokens[0, 3] == 0
    assert [vocabulary.words[i] for i in tokens[1]] == ["<start>", "a", "dog", "<end>"]


def test_the_words_of_tokens_are_gathered_as_the_tokens_are() -> None:
    captions = ["a dog", "a dog runs very fast", "cat"]
    inner = Captions(Vocabulary.build(captions, 1, ends_are_words=False).encode(captions))
    assert inner.words(np.array([2, 1])).tolist() == [
        [-1, 0, -1, -1, -1, -1, -1],
        [-1, 0, 1, 2, 3, 4, -1],
    ]
    assert Captions(Vocabulary.build(captions, 1).encode(captions)).words(np.array([0])) is None


@pytest.mark.parametrize(("runs", "fits"), [("1", True), ("2", True), ("3", False)])
def test_runs_that_share_a_device_share_its_memory(
    runs: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = np.zeros((10, 5, 4), np.float32)  # 400 bytes in half precision
    monkeypatch.setenv(RUNS_ON_DEVICE, runs)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2000, 10_000))
    assert splits._fits(features, torch.device("cuda")) == fits
