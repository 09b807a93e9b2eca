from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.annotation import flickr8k_words
from vsebench.data.annotation.flickr8k_words import PooledFeatures
from vsebench.data.feature_arrays import QuantisedFeatures


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
