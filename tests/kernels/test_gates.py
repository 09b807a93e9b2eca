"""The vectorised nonlinearities against float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit

from vsebench.kernels.gates_numba import sigmoid, tanh
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Callable

    Map = Callable[[np.ndarray, np.ndarray], object]

ERROR = 2.5e-7


@jit(fastmath={"contract"}, cache=False)
def sigmoids(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(values)):
        out[i] = sigmoid(values[i])


@jit(fastmath={"contract"}, cache=False)
def hyperbolic_tangents(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(values)):
        out[i] = tanh(values[i])


def apply(function: Map, values: np.ndarray) -> np.ndarray:
    out = np.empty_like(values)
    function(values, out)
    return out


@pytest.mark.parametrize(
    ("function", "exact"),
    [(sigmoids, expit), (hyperbolic_tangents, np.tanh)],
    ids=["sigmoid", "tanh"],
)
def test_the_error_is_below_its_bound(function: Map, exact: Callable[..., np.ndarray]) -> None:
    small = np.logspace(-37, 1.9, 200_000)
    values = np.concatenate([np.linspace(-87, 87, 400_001), small, -small]).astype(np.float32)
    expected = exact(values.astype(np.float64))
    relative = np.abs(apply(function, values) - expected) / np.maximum(np.abs(expected), 1e-37)
    assert relative.max() < ERROR


@pytest.mark.parametrize(
    ("function", "ends"),
    [(sigmoids, (0, 0.5, 1)), (hyperbolic_tangents, (-1, 0, 1))],
    ids=["sigmoid", "tanh"],
)
def test_far_out_and_at_zero(function: Map, ends: tuple[float, float, float]) -> None:
    far = np.array([-np.inf, -1e30, -88, 0, 88, 1e30, np.inf], np.float32)
    low, middle, high = ends
    expected = np.array([low] * 3 + [middle] + [high] * 3)
    np.testing.assert_allclose(apply(function, far), expected, rtol=0, atol=1e-37)
    assert np.isnan(apply(function, np.array([np.nan], np.float32))).all()
