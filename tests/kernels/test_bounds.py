from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from vsebench.kernels.bounds import relative_error, undecided
from vsebench.kernels.exact_dot import exact_dot
from vsebench.kernels.gemm import true_float32


def worst_case(depth: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows whose fp32 sum in index order loses every term after the first: 1 + half a unit + half a
    unit …
    """
    row = torch.full((1, depth), 2.0**-24)
    row[0, 0] = 1
    return row, torch.ones(1, depth)


def true_dot(left: torch.Tensor, right: torch.Tensor) -> Fraction:
    return sum(
        (Fraction(a) * Fraction(b) for a, b in zip(left.tolist(), right.tolist(), strict=True)),
        Fraction(0),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth", [1, 2, 300, 1024])
def test_products_stay_within_the_bound(depth: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(depth)
    for spread in (0, 4):
        scale = torch.logspace(-spread, spread, depth, dtype=torch.float64)
        left, right = (
            torch.randn(5, depth, generator=generator, dtype=torch.float64) * scale
            for _ in range(2)
        )
        with true_float32():
            computed = left.to(dtype) @ right.to(dtype).T
        for i in range(5):
            for j in range(5):
                bound = relative_error(depth, dtype) * float(left[i].norm() * right[j].norm())
                exact = exact_dot(left[i : i + 1], right[j : j + 1]).item()
                assert abs(Fraction(computed[i, j].item()) - Fraction(exact)) <= bound
                assert abs(Fraction(computed[i, j].item()) - true_dot(left[i], right[j])) <= bound


def test_the_bound_covers_the_worst_order_of_summation() -> None:
    left, right = worst_case(1024)
    total = torch.zeros(())
    for term in left[0]:
        total = total + term
    loss = float(true_dot(left[0], right[0])) - total.item()
    assert total.item() == 1
    assert (
        0.4 * relative_error(1024, torch.float32)
        < loss
        < relative_error(1024, torch.float32) * float(left.norm() * right.norm())
    )


def test_the_bound_is_not_loose() -> None:
    assert relative_error(1024, torch.float32) < 1.01 * 1024 * 2.0**-24
    assert relative_error(1024, torch.float64) < 1.05 * 1024 * 2.0**-53


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_band_is_rounded_outward_and_scales_with_both_norms(dtype: torch.dtype) -> None:
    threshold = torch.tensor([1 / 3, -1 / 3, 0.0, 1e-40, 5e17], dtype=torch.float64)
    norms, others = (
        torch.tensor([1.0, 2.0, 0.0, 1e-3, 1e9], dtype=torch.float64),
        torch.tensor([0.5, 3.0], dtype=torch.float64),
    )
    band = undecided(threshold, norms, others, 64, dtype)
    assert band.lower.dtype == band.upper.dtype == dtype
    for t, n, low, high in zip(
        threshold.tolist(), norms.tolist(), band.lower.tolist(), band.upper.tolist(), strict=True
    ):
        width = Fraction(relative_error(64, dtype)) * Fraction(n) * 3
        assert Fraction(low) < Fraction(t) - width
        assert Fraction(high) > Fraction(t) + width
        assert high - low < 2.1 * float(width) + 4 * torch.finfo(dtype).eps * abs(t) + 1e-30
