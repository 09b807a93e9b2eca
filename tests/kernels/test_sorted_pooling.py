from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from tests.kernels.interpreter import INTERPRETED
from tests.oracles import pooling as oracle
from vsebench.kernels import sorted_weighted_sum, valid_mask
from vsebench.kernels.sorted_pooling import TorchSortedSum
from vsebench.kernels.sorted_pooling_numba import NumbaSortedSum

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ALL: list[type[torch.autograd.Function]] = [TorchSortedSum, NumbaSortedSum]
if INTERPRETED:
    from vsebench.kernels.sorted_pooling_triton import TritonSortedSum

    ALL = [TritonSortedSum]
OPERATORS = pytest.mark.parametrize("operator", ALL)
SHAPES = pytest.mark.parametrize(
    ("batch", "rows", "dim"),
    [(1, 1, 1), (5, 2, 3), (2, 19, 130)]
    if INTERPRETED
    else [(1, 1, 1), (5, 2, 3), (7, 12, 64), (4, 33, 130), (3, 256, 5)],
)


def ragged(
    batch: int, rows: int, dim: int, *, ties: bool = False, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Features, lengths and weights; the first item is full, the last has one row, and what lies
    beyond a length is NaN or infinite.
    """
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, rows, dim, generator=generator)
    features = features.round() if ties else features
    lengths = torch.randint(1, rows + 1, (batch,), generator=generator)
    lengths[-1], lengths[0] = 1, rows
    weights = torch.randn(batch, rows, generator=generator)
    padding = ~valid_mask(lengths, rows)
    features[padding] = torch.tensor([math.nan, math.inf, -math.inf, 1e30])[
        torch.arange(int(padding.sum())) % 4, None
    ]
    weights[padding] = math.nan
    return features, lengths, weights


def gradients(
    function: Callable[..., Tensor], features: Tensor, lengths: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    features, weights = (
        features.detach().clone().requires_grad_(),
        weights.detach().clone().requires_grad_(),
    )
    out = function(features, lengths, weights)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out))
    assert features.grad is not None
    assert weights.grad is not None
    return out.detach(), features.grad, weights.grad


@OPERATORS
@SHAPES
@pytest.mark.parametrize("ties", [False, True])
def test_equals_sorting_each_item_alone(
    operator: Any, batch: int, rows: int, dim: int, ties: bool
) -> None:
    inputs = ragged(batch, rows, dim, ties=ties)
    expected = gradients(
        oracle.sorted_sum, *(t.double() if t.is_floating_point() else t for t in inputs)
    )
    for got, wanted in zip(gradients(operator.apply, *inputs), expected, strict=True):
        assert_close(got.double(), wanted.nan_to_num(0), rtol=1e-5, atol=1e-4)


@OPERATORS
@pytest.mark.parametrize("rows", [256])
def test_the_longest_set_that_kernels_take(operator: Any, rows: int) -> None:
    features, lengths, weights = ragged(1, rows, 3, ties=True)
    expected = gradients(TorchSortedSum.apply, features, lengths, weights)
    found = gradients(operator.apply, features, lengths, weights)
    assert_close(found, expected, rtol=1e-5, atol=1e-4)
    assert torch.equal(found[1], expected[1])


@OPERATORS
def test_padding_gets_a_gradient_of_exactly_zero(operator: Any) -> None:
    features, lengths, weights = ragged(6, 9, 5)
    _, to_features, to_weights = gradients(operator.apply, features, lengths, weights)
    padding = ~valid_mask(lengths, 9)
    assert (to_features[padding] == 0).all()
    assert (to_weights[padding] == 0).all()
    assert to_features.isfinite().all()


def test_all_operators_route_gradients_of_equal_values_alike() -> None:
    features, lengths, weights = ragged(6, 21, 70, ties=True)
    features[0, 3], features[0, 5] = 0.0, -0.0
    by_torch, *others = (
        gradients(operator.apply, features, lengths, weights)
        for operator in dict.fromkeys([TorchSortedSum, *ALL])
    )
    assert others
    assert all(torch.equal(by_torch[1], other[1]) for other in others)


@OPERATORS
def test_equal_values_are_ranked_by_row(operator: Any) -> None:
    features = torch.tensor([0.0, 2.0, -0.0, 2.0])[None, :, None].requires_grad_()
    operator.apply(
        features, torch.tensor([4]), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    ).sum().backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [3.0, 1.0, 4.0, 2.0]


@OPERATORS
def test_minus_infinity_is_a_value_like_any_other(operator: Any) -> None:
    features = torch.tensor([-math.inf, 1.0, -math.inf, 9.0])[None, :, None].requires_grad_()
    out = operator.apply(features, torch.tensor([3]), torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    assert out.item() == -math.inf
    out.backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [2.0, 1.0, 3.0, 0.0]


@OPERATORS
@pytest.mark.parametrize("row", [0, 2, 4])
def test_a_valid_nan_is_not_hidden(operator: Any, row: int) -> None:
    features = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    features[0, row, 1] = math.nan
    out = operator.apply(features, torch.tensor([5, 5]), torch.tensor([[1.0, 0, 0, 0, 0, 0]] * 2))
    assert out.isnan().tolist() == [[False, True, False], [False, False, False]]


@OPERATORS
@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0), (0, 0, 3), (2, 0, 3)])
def test_empty_shapes(operator: Any, shape: tuple[int, int, int]) -> None:
    lengths = torch.full(shape[:1], shape[1])
    out, to_features, to_weights = gradients(
        operator.apply, torch.zeros(shape), lengths, torch.zeros(shape[:2])
    )
    assert out.shape == (shape[0], shape[2])
    assert (out == 0).all()
    assert to_features.shape == shape
    assert to_weights.shape == shape[:2]


@OPERATORS
def test_an_item_without_rows_gives_zeros(operator: Any) -> None:
    features, _, weights = ragged(2, 4, 3)
    assert operator.apply(features, torch.tensor([0, 4]), weights.nan_to_num(1))[0].tolist() == [
        0.0,
        0.0,
        0.0,
    ]


@OPERATORS
def test_any_memory_layout(operator: Any) -> None:
    features, lengths, weights = ragged(5, 8, 6)
    expected = gradients(operator.apply, features, lengths, weights)
    strided = features.transpose(0, 2).contiguous().transpose(0, 2)
    spaced = torch.stack([weights, weights], dim=-1)[..., 0]
    assert not strided.is_contiguous()
    assert not spaced.is_contiguous()
    assert_close(
        gradients(
            lambda x, n, w: operator.apply(
                x.transpose(0, 2).contiguous().transpose(0, 2), n.to(torch.int32), w
            ),
            strided,
            lengths,
            spaced,
        ),
        expected,
    )
    constant = operator.apply(
        torch.ones(1, 1, 1).expand(5, 8, 6), lengths, torch.ones(1, 1).expand(5, 8)
    )
    assert_close(constant, lengths[:, None].expand(5, 6).float())


@OPERATORS
def test_only_what_needs_a_gradient_gets_one(operator: Any) -> None:
    features, lengths, weights = ragged(4, 7, 6)
    expected = gradients(operator.apply, features, lengths, weights)
    upstream = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    x = features.clone().requires_grad_()
    operator.apply(x, lengths, weights).backward(upstream)
    assert x.grad is not None
    assert torch.equal(x.grad, expected[1])
    w = weights.clone().requires_grad_()
    operator.apply(features, lengths, w).backward(upstream)
    assert w.grad is not None
    assert torch.equal(w.grad, expected[2])


def test_gradcheck() -> None:
    features, lengths, weights = ragged(4, 5, 3)
    features, weights = (
        features.nan_to_num(0, 0, 0).double().requires_grad_(),
        weights.nan_to_num(0).double().requires_grad_(),
    )
    assert torch.autograd.gradcheck(
        lambda x, w: sorted_weighted_sum(x, lengths, w), (features, weights)
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_dtypes_keep_theirs(dtype: torch.dtype) -> None:
    features, lengths, weights = ragged(4, 9, 6)
    features = features.to(dtype)
    found = gradients(sorted_weighted_sum, features, lengths, weights)
    assert [each.dtype for each in found] == [dtype, dtype, torch.float32]
    exact = gradients(oracle.sorted_sum, features.double(), lengths, weights.double())
    step = torch.finfo(dtype).eps  # `gradients` rounds the gradient of the sum as well
    for got, wanted in zip(found, exact, strict=True):
        assert_close(got.double(), wanted.nan_to_num(0), rtol=2 * step, atol=max(4 * step, 1e-5))


@OPERATORS
def test_it_is_differentiable_once_and_says_so(operator: Any) -> None:
    features, lengths, weights = ragged(2, 4, 3)
    features = features.nan_to_num(0, 0, 0).requires_grad_()
    (grad,) = torch.autograd.grad(
        operator.apply(features, lengths, weights.nan_to_num(0)).square().sum(),
        features,
        create_graph=True,
    )
    with pytest.raises(RuntimeError, match="differentiate twice"):
        grad.sum().backward()


def test_autocast_changes_nothing() -> None:
    features, lengths, weights = ragged(4, 9, 6)
    expected = gradients(sorted_weighted_sum, features, lengths, weights)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(
            gradients(sorted_weighted_sum, features, lengths, weights), expected, rtol=0, atol=0
        )
        by_torch = gradients(TorchSortedSum.apply, features, lengths, weights)
    assert_close(by_torch, expected, rtol=1e-5, atol=1e-5)
