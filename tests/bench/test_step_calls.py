"""A small step is bound by calls of operators, not by products: their number is held here, as its
time is by `vsebench bench`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.profiler import ProfilerActivity, profile

from vsebench.bench.figure import Setting
from vsebench.bench.figures.step import SMALL, work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def calls(step: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        step()
    return sum(each.count for each in seen.key_averages() if each.key.startswith("aten::"))


def test_a_small_step_calls_few_operators(tmp_path: Path) -> None:
    made = work(SMALL, Setting(torch.device("cpu"), "quick", tmp_path))
    made.ours()
    assert calls(made.ours) <= 2_000
