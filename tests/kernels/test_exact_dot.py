from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from vsebench.kernels.exact_dot import exact_dot

DEPTHS = (1, 2, 3, 5, 8, 16, 100, 255, 256, 257, 300, 512, 1024, 1025)


def halving_tree(left: list[float], right: list[float]) -> float:
    """The definition, in Python floats."""
    terms = [a * b for a, b in zip(left, right, strict=True)]
    while len(terms) & (len(terms) - 1):
        terms.append(0.0)
    while len(terms) > 1:
        half = len(terms) // 2
        terms = [terms[k] + terms[k + half] for k in range(half)]
    return terms[0]


def pairs(depth: int, dtype: torch.dtype, count: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(depth)
    scale = torch.logspace(-3, 3, depth, dtype=torch.float64)  # cancellation at every magnitude
    left, right = torch.randn(2, count, depth, generator=generator, dtype=torch.float64)
    return (left * scale).to(dtype), right.to(dtype)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
def test_follows_the_definition_to_the_last_bit(depth: int, compiled: bool) -> None:
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        left, right = pairs(depth, dtype)
        expected = [
            halving_tree(a, b)
            for a, b in zip(left.double().tolist(), right.double().tolist(), strict=True)
        ]
        assert exact_dot(left, right, compiled=compiled).tolist() == expected


@pytest.mark.parametrize("compiled", [False, True])
def test_is_accurate(compiled: bool) -> None:
    left, right = pairs(1024, torch.float32)
    for value, a, b in zip(
        exact_dot(left, right, compiled=compiled).tolist(),
        left.tolist(),
        right.tolist(),
        strict=True,
    ):
        terms = [Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)]
        assert abs(Fraction(value) - sum(terms)) <= 10 * Fraction(2) ** -53 * sum(
            abs(t) for t in terms
        )


@pytest.mark.parametrize("compiled", [False, True])
def test_depends_on_its_own_two_rows_only(compiled: bool) -> None:
    left, right = pairs(300, torch.float32, count=64)
    whole = exact_dot(left, right, compiled=compiled)
    for start in (0, 5, 63):
        assert torch.equal(exact_dot(left[start:], right[start:], compiled=compiled), whole[start:])
    assert torch.equal(exact_dot(right, left, compiled=compiled), whole)


@pytest.mark.parametrize("compiled", [False, True])
def test_takes_mixed_dtypes_strides_and_no_rows(compiled: bool) -> None:
    left, right = pairs(33, torch.float32)
    expected = exact_dot(left.double(), right.double())
    assert torch.equal(exact_dot(left, right.double(), compiled=compiled), expected)
    assert torch.equal(
        exact_dot(left.T.contiguous().T, right.repeat(1, 2)[:, :33], compiled=compiled), expected
    )
    assert exact_dot(left[:0], right[:0], compiled=compiled).shape == (0,)


def test_leaves_its_inputs_alone() -> None:
    left, right = pairs(16, torch.float64)
    before = left.clone(), right.clone()
    exact_dot(left, right)
    assert torch.equal(left, before[0])
    assert torch.equal(right, before[1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_is_the_same_on_cuda() -> None:
    for dtype in (torch.float64, torch.float32, torch.float16):
        left, right = pairs(1000, dtype, count=100)
        assert torch.equal(exact_dot(left.cuda(), right.cuda()).cpu(), exact_dot(left, right))
