"""The figures of `vsebench bench`, by pytest-benchmark: at the size of CI, and as published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from vsebench.bench.figure import Figure, Setting, Size
from vsebench.bench.figures import FIGURES
from vsebench.bench.run import selected

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.conftest import Compare


CASES = [
    pytest.param(
        figure,
        size,
        id=f"{figure.name}, {size}",
        marks=[pytest.mark.slow] if size == "full" else [],
    )
    for size in ("quick", "full")
    for figure in selected(FIGURES, size, "cpu")
]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("figure", "size"), CASES)
def test_figure(
    figure: Figure, size: Size, benchmark: Any, compare: Compare, tmp_path: Path
) -> None:
    work = figure.make(Setting(torch.device("cpu"), size, tmp_path))
    if work.agree is not None:
        work.agree()
    other, share = (
        (work.floor, 1.0) if work.reference is None else (work.reference, work.reference_share)
    )
    assert other is not None
    compare(benchmark, work.ours, other, rounds=min(work.most, 5), share=share)
