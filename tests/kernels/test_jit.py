from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    import pytest


def double(values: Any) -> None:
    for i in range(len(values)):
        values[i] *= 2


def test_compiles_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    monkeypatch.setattr(caching.FunctionCache._impl_class, "_locator_classes", [])
    values = torch.ones(3)
    jit(double)(values.numpy())
    assert values.tolist() == [2.0, 2.0, 2.0]


def test_sums_keep_their_order_unless_told_otherwise() -> None:
    @jit
    def in_order(values: Any) -> Any:
        total = values[0]
        for value in values[1:]:
            total += value
        return total

    values = torch.tensor([1e8, 1.0, -1e8, 1.0] * 64)
    expected = values[0]
    for value in values[1:]:
        expected = expected + value
    assert in_order(values.numpy()) == expected.item()
