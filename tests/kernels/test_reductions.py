from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.testing import assert_close

from tests.oracles import pooling as oracle
from vsebench.kernels import masked_max, masked_mean, valid_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

POOLS = pytest.mark.parametrize(("reduce", "pool"), [(masked_mean, oracle.mean), (masked_max, max)])
BOTH = pytest.mark.parametrize("reduce", [masked_mean, masked_max])
# Compiled, torch operations
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def ragged(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    lengths = torch.randint(1, shape[1] + 1, shape[:1], generator=generator)
    lengths[-1], lengths[0] = 1, shape[1]
    features[~valid_mask(lengths, shape[1])] = math.nan
    return features, lengths


@POOLS
@DTYPES
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 8, 3), (3, 300, 70)])
def test_equals_a_loop(
    reduce: Callable[..., Tensor],
    pool: Callable[[list[float]], float],
    dtype: torch.dtype,
    shape: tuple[int, int, int],
) -> None:
    features, lengths = ragged(shape, dtype)
    out = reduce(features, lengths)
    assert out.dtype == dtype
    assert_close(out.double(), oracle.pool_by_loops(features, lengths, pool), rtol=1e-6, atol=1e-6)


@BOTH
def test_gradients_of_both_ways_agree_and_are_zero_in_padding(
    reduce: Callable[..., Tensor],
) -> None:
    features, lengths = ragged((6, 9, 70), torch.float32)
    upstream = torch.randn(6, 70, generator=torch.Generator().manual_seed(1))
    gradients = []
    for dtype in (torch.float32, torch.float64):
        x = features.to(dtype).clone().requires_grad_()
        reduce(x, lengths).backward(upstream.to(dtype))
        assert x.grad is not None
        assert (x.grad[~valid_mask(lengths, 9)] == 0).all()
        gradients.append(x.grad.float())
    assert_close(*gradients, rtol=1e-6, atol=1e-7)


@BOTH
def test_gradcheck(reduce: Callable[..., Tensor]) -> None:
    features, lengths = ragged((4, 5, 3), torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: reduce(x, lengths), features.nan_to_num(0).requires_grad_()
    )


@DTYPES
def test_the_earliest_of_tied_maxima_gets_the_gradient(dtype: torch.dtype) -> None:
    features = torch.tensor([0.0, 2.0, 2.0, 9.0], dtype=dtype)[None, :, None].requires_grad_()
    masked_max(features, torch.tensor([3])).sum().backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [0.0, 1.0, 0.0, 0.0]


@DTYPES
def test_minus_infinity_is_a_value_like_any_other(dtype: torch.dtype) -> None:
    features = torch.tensor([[[-math.inf], [-math.inf], [5.0]]], dtype=dtype, requires_grad=True)
    out = masked_max(features, torch.tensor([2]))
    assert out.item() == -math.inf
    out.backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [1.0, 0.0, 0.0]


@BOTH
@DTYPES
@pytest.mark.parametrize("row", [0, 1, 3])
def test_a_valid_nan_is_not_hidden(
    reduce: Callable[..., Tensor], dtype: torch.dtype, row: int
) -> None:
    features = torch.zeros(1, 6, 2, dtype=dtype)
    features[0, row, 1] = math.nan
    assert reduce(features, torch.tensor([4])).isnan().tolist() == [[False, True]]


@DTYPES
def test_items_without_rows(dtype: torch.dtype) -> None:
    features, none = torch.ones(1, 3, 2, dtype=dtype), torch.tensor([0])
    assert masked_mean(features, none).tolist() == [[0.0, 0.0]]
    assert masked_max(features, none).tolist() == [[-math.inf, -math.inf]]
    assert masked_mean(features[:, :0], none).tolist() == [[0.0, 0.0]]
    with pytest.raises(IndexError):
        masked_max(features[:, :0], none)


@BOTH
@DTYPES
def test_any_memory_layout(reduce: Callable[..., Tensor], dtype: torch.dtype) -> None:
    features, lengths = ragged((5, 8, 6), dtype)
    strided = features.transpose(0, 2).contiguous().transpose(0, 2)
    assert_close(reduce(strided, lengths.to(torch.int32)), reduce(features, lengths))


def test_half_precision_is_summed_in_float32() -> None:
    features = torch.full((1, 3000, 2), 100.0, dtype=torch.float16)
    assert masked_mean(features, torch.tensor([3000])).tolist() == [[100.0, 100.0]]
    assert masked_mean(features, torch.tensor([3000])).dtype == torch.float16
