from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vsebench.kernels.rows import Rows, as_tensor
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path


def matrix(rows: int = 5, width: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, width))


@pytest.mark.parametrize("values", [torch.eye(4).to_sparse(), torch.eye(4, device="meta")])
def test_tensors_that_do_not_hold_their_values_are_refused(values: torch.Tensor) -> None:
    with pytest.raises(DataError, match="image embeddings must be a dense tensor"):
        as_tensor("image", values)


def test_float32_blocks_share_memory_with_the_input() -> None:
    values = torch.from_numpy(matrix().astype(np.float32))
    rows = Rows.checked("image", values)
    assert rows.block(slice(1, 3)).data_ptr() == values[1:].data_ptr()
    assert (len(rows), rows.width) == (5, 3)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_rows_taken_are_not_rounded(dtype: str) -> None:
    values = matrix().astype(dtype)
    index = torch.tensor([4, 0, 4])
    taken = Rows.checked("image", values).take(index)
    assert taken.dtype == (torch.float64 if dtype == "f8" else torch.float32)
    assert taken.double().tolist() == values.astype(float)[index.numpy()].tolist()


def test_any_layout_is_read(tmp_path: Path) -> None:
    values = matrix().astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    frozen = values.copy()
    frozen.flags.writeable = False
    for array in (
        np.load(tmp_path / "a.npy", mmap_mode="r"),
        frozen,
        np.asfortranarray(values),
        values[::-1][::-1],
        torch.from_numpy(values).requires_grad_(),
    ):
        assert Rows.checked("image", array).block(slice(0, 5)).tolist() == values.tolist()
    assert Rows.checked("image", values[::-1]).block(slice(0, 5)).tolist() == values[::-1].tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_norms_are_upper_bounds(dtype: torch.dtype) -> None:
    values = torch.from_numpy(matrix(600, 40)).to(dtype)
    exact = values.double().norm(dim=1)
    norms = Rows.checked("image", values).norms
    assert bool((norms > exact).all())
    assert bool((norms < exact * (1 + 1e-9)).all())


def test_equal_rows_and_only_they_share_an_identity() -> None:
    values = matrix(600, 4).astype(np.float32)
    values[17], values[599] = values[300], values[300]
    values[5, 0] = np.nextafter(values[300, 0], np.inf, dtype=np.float32)
    values[5, 1:] = values[300, 1:]
    identity = Rows.checked("image", values).identity.tolist()
    assert identity[17] == identity[599] == identity[300]
    assert len(set(identity)) == 598
    half = Rows.checked("image", torch.from_numpy(values).bfloat16()).identity
    assert half[5] == half[300]


def test_select_copies_rows_with_their_norms() -> None:
    rows = Rows.checked("image", matrix())
    part = rows.select(torch.tensor([3, 1]))
    assert part.block(slice(0, 2)).tolist() == rows.block(slice(0, 5))[[3, 1]].tolist()
    assert part.norms.tolist() == rows.norms[[3, 1]].tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_side_and_row(value: float) -> None:
    values = matrix(700)
    values[[300, 650], 2] = value
    for dtype in ("f2", "f4", "f8"):
        with pytest.raises(
            DataError,
            match=r"^caption embeddings: row 300 holds values that are not finite \(2 such rows\)",
        ):
            Rows.checked("caption", values.astype(dtype))


def test_norms_that_would_overflow_are_refused() -> None:
    for large in (2e18, 1e200):
        with pytest.raises(DataError, match=r"row 1 has norm .*: normalise"):
            Rows.checked("image", np.array([[1.0], [large]]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 3, 4)), r"a matrix \[items, dimensions\], found shape \(2, 3, 4\)"),
        (np.zeros((2, 0)), r"found shape \(2, 0\)"),
        (np.zeros((2, 3), int), "found int64"),
        (torch.zeros(2, 3, dtype=torch.int32), r"found torch\.int32"),
        (np.zeros((2, 3), complex), "found complex128"),
        (np.zeros((2, 3), np.longdouble), "at most 64 bits"),
        (np.array([["a"]]), "found <U1"),
    ],
)
def test_what_is_no_matrix_of_floats_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=f"^image embeddings must be .*{message}"):
        Rows.checked("image", values)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_what_bf16_loses_is_known(dtype: str) -> None:
    values = (matrix(300, 17) * np.logspace(-6, 4, 300)[:, None]).astype(dtype)
    rows = Rows.checked("image", values)
    rounded = rows.block(slice(0, 300), torch.bfloat16).double().numpy()
    lost = np.linalg.norm(values.astype(float) - rounded, axis=1)
    assert (rows.lost_in_bf16.numpy() >= lost).all()
    np.testing.assert_allclose(rows.lost_in_bf16.numpy(), lost, rtol=1e-9)


def test_bf16_loses_nothing_of_bf16() -> None:
    rows = Rows.checked("image", torch.from_numpy(matrix()).bfloat16())
    assert not rows.lost_in_bf16.any()
