from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from tests.kernels.interpreter import INTERPRETED
from tests.kernels.test_sorted_pooling import SHAPES, ragged
from vsebench.kernels import sorted_values, sorted_weighted_sum, valid_mask
from vsebench.kernels.sorted_pooling import TorchSortedValues
from vsebench.kernels.sorted_pooling_numba import NumbaSortedValues

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ALL: list[type[torch.autograd.Function]] = [TorchSortedValues, NumbaSortedValues]
if INTERPRETED:
    from vsebench.kernels.sorted_pooling_triton import TritonSortedValues

    ALL = [TritonSortedValues]
OPERATORS = pytest.mark.parametrize("operator", ALL)


def by_items(features: Tensor, lengths: Tensor) -> Tensor:
    """Sorts each item alone."""
    out = []
    for item, length in zip(features, lengths.tolist(), strict=True):
        values = item[:length].sort(dim=0, descending=True, stable=True).values
        out.append(
            torch.cat([values, torch.zeros(len(item) - length, item.shape[1], dtype=item.dtype)])
        )
    return torch.stack(out)


def gradient(
    function: Callable[..., Tensor], features: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    features = features.detach().clone().requires_grad_()
    out = function(features, lengths)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)))
    assert features.grad is not None
    return out.detach(), features.grad


@OPERATORS
@SHAPES
@pytest.mark.parametrize("ties", [False, True])
def test_equals_sorting_each_item_alone(
    operator: Any, batch: int, rows: int, dim: int, ties: bool
) -> None:
    features, lengths, _ = ragged(batch, rows, dim, ties=ties)
    found = gradient(operator.apply, features, lengths)
    for got, wanted in zip(found, gradient(by_items, features, lengths), strict=True):
        assert_close(got, wanted.nan_to_num(0), rtol=0, atol=0)
    assert (found[1][~valid_mask(lengths, rows)] == 0).all()


@OPERATORS
def test_minus_infinity_comes_before_the_padding(operator: Any) -> None:
    features = torch.tensor([-math.inf, 1.0, 3.0, 9.0])[None, :, None].requires_grad_()
    out = operator.apply(features, torch.tensor([3]))
    assert out.flatten().tolist() == [3, 1, -math.inf, 0]
    (grad,) = torch.autograd.grad(out[0, 2].sum(), features)
    assert grad.flatten().tolist() == [1, 0, 0, 0]


@OPERATORS
def test_a_valid_nan_is_not_hidden(operator: Any) -> None:
    features = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    features[0, 2, 1] = math.nan
    assert operator.apply(features, torch.tensor([5, 5])).isnan().any(dim=1).tolist() == [
        [False, True, False],
        [False, False, False],
    ]


@OPERATORS
@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0), (2, 0, 3)])
def test_empty_shapes(operator: Any, shape: tuple[int, int, int]) -> None:
    out, grad = gradient(operator.apply, torch.zeros(shape), torch.full(shape[:1], shape[1]))
    assert out.shape == grad.shape == shape


def test_summed_with_weights_they_are_the_sorted_sum() -> None:
    features, lengths, weights = ragged(8, 300, 5)  # more rows than the compiled kernel takes
    weights = weights.nan_to_num(0)
    assert_close(
        (sorted_values(features, lengths) * weights[:, :, None]).sum(dim=1),
        sorted_weighted_sum(features, lengths, weights),
        rtol=1e-4,
        atol=1e-4,
    )


def test_gradcheck_in_any_dtype() -> None:
    features, lengths, _ = ragged(3, 5, 4)
    features = torch.where(valid_mask(lengths, 5)[..., None], features, 0)
    assert torch.autograd.gradcheck(
        lambda x: sorted_values(x, lengths), features.double().requires_grad_()
    )
    assert sorted_values(features.half(), lengths).dtype == torch.float16
