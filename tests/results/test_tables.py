"""Arrays that runs have alike, as rows of tables."""

from __future__ import annotations

import numpy as np
import pytest

from vsebench.results.packs.tables import Tables


def test_arrays_of_one_name_type_and_shape_share_a_table() -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 99, shape).astype(kind)
        for _ in range(3)
        for shape, kind in ((5, "<i4"), (5, ">i4"), (5, "<i8"), (7, "<i4"), ((5, 2), "<i4"))
    ]
    tables = Tables()
    places = [tables.place("ranks/i2t", array) for array in arrays]
    other = tables.place("ranks/t2i", arrays[0])
    found = tables.taken()
    assert sorted({table for table, _ in places}) == [f"ranks/i2t/{i}" for i in range(5)]
    assert other == ("ranks/t2i/0", 0)
    for (table, row), array in zip(places, arrays, strict=True):
        assert (found[table].dtype, found[table].shape[1:]) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[table][row], array)
    assert tables.taken() == {}


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.0),
        np.empty((0,), "<i4"),
        np.empty((3, 0)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["a", "caption ☺"]),
        np.array([np.nan, -0.0, np.inf]),
        np.arange(12)[::3],
        np.array([True, False]),
    ],
)
def test_any_array_comes_back(array: np.ndarray) -> None:
    tables = Tables()
    table, row = tables.place("x", array)
    again = tables.taken()[table][row, ...]
    assert isinstance(again, np.ndarray)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


def test_an_array_that_is_there_already_is_not_added() -> None:
    """Such as which image each caption is of; what merely compares equal is another."""
    tables = Tables()
    owners = np.arange(1000) // 5
    assert {tables.place("ranks/text_to_image", owners.copy()) for _ in range(9)} == {
        ("ranks/text_to_image/0", 0)
    }
    assert tables.place("x", np.array([0.0])) != tables.place("x", np.array([-0.0]))
    assert tables.taken()["ranks/text_to_image/0"].shape == (1, 1000)


def test_a_table_ends_at_a_mebibyte() -> None:
    tables = Tables()
    small = [tables.place("a", np.full(50_000, i, "<i4")) for i in range(12)]
    large = [tables.place("a", np.full(1_000_000, i, "<i4")) for i in range(2)]
    assert small == [(f"a/{i // 5}", i % 5) for i in range(12)]
    assert large == [("a/3", 0), ("a/4", 0)]
