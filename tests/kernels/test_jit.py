from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import torch

from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from pathlib import Path

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


CALLER = """
import numpy as np
from called import FACTOR, scaled
from vsebench.kernels.jit import jit

@jit
def total(values):
    return scaled(values.sum()) + FACTOR

if __name__ == "__main__":
    print(total(np.arange(4.0)))
"""
CALLED = """
from vsebench.kernels.jit import jit

FACTOR = {factor}

@jit
def scaled(value):
    return {scale} * value
"""


def test_kept_code_is_current_though_only_what_it_calls_has_changed(tmp_path: Path) -> None:
    def result(factor: float, scale: float) -> str:
        (tmp_path / "called.py").write_text(CALLED.format(factor=factor, scale=scale))
        found = subprocess.run(
            [sys.executable, "caller.py"],
            cwd=tmp_path,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()

    (tmp_path / "caller.py").write_text(CALLER)
    assert result(0.5, 2.0) == "12.5"
    assert result(0.25, 3.0) == "18.25"
