from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.kernels.bounds import Rounded, relative_error, undecided, undecided_in_bf16
from vsebench.kernels.exact_dot import exact_dot
from vsebench.kernels.gemm import true_float32
from vsebench.kernels.rows import Rows

if TYPE_CHECKING:
    from vsebench.kernels.tile_count import Band


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


def bf16_band(left: torch.Tensor, right: torch.Tensor, threshold: torch.Tensor) -> Band:
    """Bands of `left`'s thresholds when scored against `right`."""
    rows, others = Rows.checked("image", left), Rows.checked("caption", right)
    return undecided_in_bf16(
        threshold,
        Rounded(rows.norms, rows.lost_in_bf16),
        Rounded(others.norms, others.lost_in_bf16),
        rows.width,
    )


def all_round_down(depth: int) -> torch.Tensor:
    """A row of the norm 1, nearly, of which bf16 takes as much as it can, everywhere: it rounds 1 +
    2^-8 to 1.
    """
    return torch.full((1, depth), (1 + 2.0**-8) * depth**-0.5)


@pytest.mark.parametrize("depth", [1, 4, 64, 1024])
def test_products_in_bf16_stay_within_the_band_of_their_exact_value(depth: int) -> None:
    generator = torch.Generator().manual_seed(depth)
    for spread in (0, 4):
        scale = torch.logspace(-spread, spread, depth)
        left, right = (torch.randn(9, depth, generator=generator) * scale for _ in range(2))
        computed = left.bfloat16() @ right.bfloat16().T
        for j in range(9):
            other = right[j : j + 1]
            exact = exact_dot(left, other.expand(9, -1))
            band = bf16_band(left, other, exact)
            assert band.lower.dtype == band.upper.dtype == torch.bfloat16
            assert (computed[:, j] >= band.lower).all()
            assert (computed[:, j] <= band.upper).all()


def test_the_bf16_band_holds_where_every_term_errs_alike_and_is_not_loose() -> None:
    """Both inputs lose all that they can, in the direction of the other."""
    row = all_round_down(1024)
    exact = exact_dot(row, row)
    band = bf16_band(row, row, exact)
    computed = row.bfloat16() @ row.bfloat16().T
    assert computed.item() < exact.item() - 2 * 2.0**-8
    assert band.lower.item() <= computed.item()
    assert band.lower.item() > exact.item() - 3 * 2.0**-8


def test_the_bf16_band_is_narrow_where_nothing_is_lost() -> None:
    row = torch.full((1, 256), 0.0625)
    band = bf16_band(row, row, torch.ones(1, dtype=torch.float64))
    assert band.lower.item() >= 1 - 2.0**-8
    assert band.upper.item() <= 1 + 2.0**-7


@pytest.mark.parametrize("end", [-1, 1])
def test_scores_outside_the_bf16_band_are_decided_as_their_exact_values(end: int) -> None:
    """Thresholds around every exact score: whatever bf16 calls above is above, and so below."""
    generator = torch.Generator().manual_seed(end + 1)
    left = torch.randn(40, 96, generator=generator)
    right = torch.randn(1, 96, generator=generator)
    exact = exact_dot(left, right.expand(40, -1))
    computed = (left.bfloat16() @ right.bfloat16().T).squeeze(1)
    decided = 0
    for shift in torch.logspace(-4, 1, 60, dtype=torch.float64):
        threshold = exact + end * shift
        band = bf16_band(left, right, threshold)
        assert not ((computed > band.upper) & (exact < threshold)).any()
        assert not ((computed < band.lower) & (exact >= threshold)).any()
        decided += int(((computed > band.upper) | (computed < band.lower)).sum())
    assert decided > 40 * 60 / 4
