from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.kernels import compiled, masked_mean, sorted_weighted_sum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


def chosen(features: Tensor, weights: Tensor) -> str:
    out = sorted_weighted_sum(
        features.requires_grad_(), torch.full(features.shape[:1], features.shape[1]), weights
    )
    assert out.grad_fn is not None
    return out.grad_fn.name()


def test_float32_on_the_cpu_takes_the_compiled_kernel() -> None:
    weights = torch.ones(2, 4)
    assert chosen(torch.zeros(2, 4, 3), weights) == "NumbaSortedSumBackward"
    assert chosen(torch.zeros(2, 4, 3).double(), weights) == "TorchSortedSumBackward"
    assert chosen(torch.zeros(2, 4, 3), weights.double()) == "TorchSortedSumBackward"
    assert chosen(torch.zeros(1, 257, 3), torch.ones(1, 257)) == "TorchSortedSumBackward"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_values_go_through_float32_where_the_compiled_kernel_may_run(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, lengths = torch.zeros(2, 4, 3, dtype=dtype), torch.tensor([4, 1])
    out = sorted_weighted_sum(features.requires_grad_(), lengths, torch.ones(2, 4))
    assert out.dtype == dtype
    assert out.grad_fn is not None
    (wide, _) = out.grad_fn.next_functions[0]
    assert wide is not None
    assert wide.name() == "NumbaSortedSumBackward"
    monkeypatch.setenv("VSEBENCH_KERNELS", "torch")
    assert chosen(features.detach(), torch.ones(2, 4)) == "TorchSortedSumBackward"


@pytest.fixture
def no_numba(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled.numba_works.cache_clear()
    yield
    compiled.numba_works.cache_clear()


@pytest.mark.usefixtures("no_numba")
def test_without_numba_it_says_so_once_and_works() -> None:
    with pytest.warns(RuntimeWarning, match="numba cannot be imported"):
        assert chosen(torch.zeros(2, 4, 3), torch.ones(2, 4)) == "TorchSortedSumBackward"
    # A second warning would be an error
    assert masked_mean(torch.ones(1, 2, 3), torch.tensor([2])).tolist() == [[1.0, 1.0, 1.0]]
