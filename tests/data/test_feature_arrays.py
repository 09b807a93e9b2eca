from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.feature_arrays import QuantisedFeatures, RowSelection, select_rows
from vsebench.plugin import FeatureArray

BASE = np.random.default_rng(0).integers(-128, 128, (20, 3, 4)).astype(np.int8)
ROWS = [
    np.array([7, 1, 1, 19, 4, 0, 2, 3, 5]),
    np.arange(4, 20),
    np.arange(0, 20, 2),
    np.arange(19, -1, -1),
]
INDICES = [
    np.array([3, 3, 0]),
    np.array([], np.int64),
    np.arange(5),
    slice(2, 9),
    slice(None, None, 3),
    slice(0, 0),
]


@pytest.fixture
def stored(tmp_path):
    np.save(tmp_path / "table.npy", BASE)
    return np.load(tmp_path / "table.npy", mmap_mode="r")


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_quantised_features_read_as_scaled_floats(stored, index):
    scale = np.array([0.5, 1, 2, 0.25], np.float32)
    features = QuantisedFeatures(stored, scale)
    assert isinstance(features, FeatureArray)
    assert (features.shape, features.dtype, len(features)) == ((20, 3, 4), np.float32, 20)
    got = features[index]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, BASE[index] * scale)


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize(
    "rows",
    [
        np.array([7, 1, 1, 19, 4, 0, 2, 3, 5]),
        np.arange(4, 20),
        np.arange(0, 20, 2),
        np.arange(19, -1, -1),
    ],
    ids=["any", "run", "step", "back"],
)
def test_selected_rows_equal_the_rows(stored, rows, index):
    inside = index if isinstance(index, slice) else index[index < len(rows)]
    for selected in (select_rows(stored, rows), RowSelection(stored, rows)):
        assert isinstance(selected, FeatureArray)
        assert (selected.shape, selected.dtype, len(selected)) == (
            (len(rows), 3, 4),
            np.int8,
            len(rows),
        )
        np.testing.assert_array_equal(selected[inside], BASE[rows][inside])
        np.testing.assert_array_equal(
            QuantisedFeatures(selected, np.ones(4, np.float32))[inside], BASE[rows][inside]
        )


def test_evenly_spaced_rows_stay_views(stored):
    for rows in (np.arange(20), np.arange(3, 9), np.arange(0, 20, 5), np.array([6])):
        assert np.shares_memory(select_rows(stored, rows), stored)
    scattered = RowSelection(stored, np.array([9, 4, 5, 6]))
    assert np.shares_memory(scattered[slice(1, 4)], stored)
    assert not np.shares_memory(scattered[slice(0, 4)], stored)


def test_a_narrower_view_of_the_map_stays_a_view(stored):
    narrow = QuantisedFeatures(stored[..., :2], np.array([2, 3], np.float32))
    assert np.shares_memory(narrow.values, stored)
    np.testing.assert_array_equal(
        narrow[np.array([5])], BASE[[5]][..., :2] * np.array([2, 3], np.float32)
    )
