"""Prefetches change nothing, wherever they point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vsebench.kernels.jit import jit
from vsebench.kernels.prefetch_numba import prefetch_row


@jit(cache=False)
def total(matrix: Any, ahead: int) -> float:
    out = 0.0
    for row in range(matrix.shape[0]):
        prefetch_row(matrix, row + ahead)
        out += matrix[row].sum()
    return out


@pytest.mark.parametrize("ahead", [0, 3, 10**12, -5])
@pytest.mark.parametrize("width", [1, 7, 300])
def test_sums_are_the_same_beyond_the_matrix_too(ahead: int, width: int) -> None:
    matrix = np.arange(5.0 * width).reshape(5, width)
    assert total(matrix, ahead) == matrix.sum()
