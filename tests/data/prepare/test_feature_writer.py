from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.prepare import feature_writer
from vsebench.data.prepare.source import SplitFeatures
from vsebench.plugin import DataError

LIMIT = {"float16": np.finfo(np.float16).max, "float32": np.finfo(np.float32).max}


class Memory:
    """A source that holds its features."""

    kind = "memory"
    files = ()

    def __init__(self, features):
        self.features = features

    def read(self, key):
        return self.features[int(key)]

    def where(self, key):
        return f"image {key}"


def rows(features):
    return SplitFeatures(
        Memory(features),
        [str(i) for i in range(len(features))],
        np.full(len(features), features.shape[1]),
        features.shape[2],
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_largest_absolute_value(dtype):
    rng = np.random.default_rng(0)
    for values in (
        rng.standard_normal((3, 2, 4)),
        -np.abs(rng.standard_normal((3, 2, 4))),
        np.abs(rng.standard_normal((3, 2, 4))),
        np.zeros((1, 1, 1)),
    ):
        block = values.astype(dtype)
        assert feature_writer._largest(rows(block), 0, block) == np.abs(block).max()
    for value in (
        LIMIT[dtype],
        -LIMIT[dtype],
        np.nextafter(np.dtype(dtype).type(0), np.dtype(dtype).type(1)),
        -0.0,
    ):
        block = np.full((2, 1, 1), [[[0]], [[value]]], dtype)
        assert feature_writer._largest(rows(block), 0, block) == abs(value)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("other", [-1, 1])
def test_any_value_that_is_not_finite_is_found_and_its_image_named(dtype, value, other):
    block = np.full((4, 2, 3), other, dtype)
    block[2, 1, 0] = value
    with pytest.raises(DataError, match="image 2 has a value that is not finite"):
        feature_writer._largest(rows(block), 0, block)


def test_features_that_change_while_they_are_read():
    features = np.zeros((3, 2, 4), np.float32)
    measured = rows(features)
    measured.source.features = [*features[:2], np.zeros((3, 4), np.float32)]
    with pytest.raises(
        DataError,
        match=(r"image 2 holds float32 \(3, 4\)"),
    ):
        feature_writer._block(measured, 0, np.dtype(np.float16))
