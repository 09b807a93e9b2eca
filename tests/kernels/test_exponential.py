"""The vectorised exponential and logarithm against float64."""

from __future__ import annotations

import numpy as np

from vsebench.kernels.exponential_numba import falling_exponential, logarithm
from vsebench.kernels.jit import jit

ERROR = 1.5e-7
TINY = float(np.finfo(np.float32).tiny)


@jit(fastmath={"contract"}, cache=False)
def exponentials(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(values)):
        out[i] = falling_exponential(values[i])


@jit(fastmath={"contract"}, cache=False)
def logarithms(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(values)):
        out[i] = logarithm(values[i])


def test_the_error_of_the_exponential_is_below_its_bound() -> None:
    values = np.concatenate([np.linspace(-87, 0, 400_001), -np.logspace(-37, 1.9, 200_000)])
    values = values.astype(np.float32)
    out, exact = np.empty_like(values), np.exp(values.astype(np.float64))
    exponentials(values, out)
    assert np.abs(out / exact - 1).max() < ERROR
    assert out.max() == 1


def test_the_exponential_far_out() -> None:
    values = np.array([-87.01, -1e30, -np.inf, np.nan], np.float32)
    out = np.ones_like(values)
    exponentials(values, out)
    np.testing.assert_array_equal(out, [0, 0, 0, np.nan])


def test_the_error_of_the_logarithm_is_below_its_bound() -> None:
    near = 1 + np.concatenate([s * np.logspace(-7, -0.4, 100_000) for s in (-1, 1)])
    values = np.concatenate([np.logspace(-37.9, 38.5, 400_000), near, [TINY, 1.0, 3.4e38]])
    values = values.astype(np.float32)
    out, exact = np.empty_like(values), np.log(values.astype(np.float64))
    logarithms(values, out)
    assert (np.abs(out - exact) <= ERROR * np.abs(exact)).all()
