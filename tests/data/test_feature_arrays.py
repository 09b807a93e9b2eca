from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.feature_arrays import (
    QuantisedFeatures,
    RaggedFeatures,
    RowSelection,
    gather,
    select_rows,
)
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


class Padded:
    """An array of a data set's own, which knows nothing but the protocol."""

    shape, dtype = BASE.shape, BASE.dtype

    def __getitem__(self, index):
        return BASE[index]


ROWS_OF_VIDEOS = np.random.default_rng(1).standard_normal((30, 4)).astype(np.float16)
ROWS_OF_VIDEOS[[0, 7, 9], [0, 1, 3]] = [np.nan, np.inf, -0.0]
ARRAYS = {
    "array": BASE,
    "every other image": BASE[::2],
    "narrower": BASE[..., :2],
    "any array": Padded(),
    "quantised": QuantisedFeatures(BASE, np.array([0.5, 1, 2, 0.3], np.float32)),
    "selected": RowSelection(BASE, np.array([7, 1, 1, 19, 4, 0])),
    "quantised selection": QuantisedFeatures(
        RowSelection(BASE, np.array([7, 1, 1, 19, 4])), np.array([0.5, 1, 2, 0.3], np.float32)
    ),
    "ragged": RaggedFeatures(ROWS_OF_VIDEOS, np.array([0, 1, 12]), np.array([1, 11, 18]), 12),
    "selected ragged": RowSelection(
        RaggedFeatures(ROWS_OF_VIDEOS, np.array([0, 1, 12]), np.array([1, 11, 18]), 5),
        np.array([2, 0, 2, 1]),
    ),
}


@pytest.mark.parametrize("shape", [(7, 4), (1, 1), (3, 0), (0, 2)])
@pytest.mark.parametrize("name", ARRAYS)
def test_gathering_equals_reading_whole_images(name, shape):
    features = ARRAYS[name]
    rng = np.random.default_rng(2)
    images = rng.integers(0, features.shape[0], shape[0])
    positions = rng.integers(0, features.shape[1], shape)
    got = gather(features, images, positions)
    expected = np.take_along_axis(np.asarray(features[images]), positions[..., None], axis=1)
    assert (got.dtype, got.shape) == (features.dtype, (*shape, features.shape[2]))
    assert got.tobytes() == expected.tobytes()
    assert got.flags.writeable


def test_gathering_reads_from_a_map_what_lies_in_it(stored):
    images, positions = np.array([19, 0, 19]), np.array([[2, 0], [1, 1], [0, 2]])
    assert not stored.flags.writeable
    for features in (stored, select_rows(stored, np.arange(19, -1, -1))):
        got = gather(features, images, positions)
        np.testing.assert_array_equal(
            got,
            np.stack(
                [features[np.array([i])][0][p] for i, p in zip(images, positions, strict=True)]
            ),
        )
        assert got.flags.writeable
