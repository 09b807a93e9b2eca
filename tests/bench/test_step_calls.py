"""A small step is bound by calls of operators, not by products: their number is held here, as its
time is by `vsebench bench`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from vsebench.bench.figure import Setting
from vsebench.bench.figures import step
from vsebench.bench.figures.step import SMALL, work
from vsebench.plugin.specs import create
from vsebench.retrieval.training.offline_negatives import OfflineIndices
from vsebench.retrieval.training.step import Batch, Objective

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def calls(run: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        run()
    return sum(each.count for each in seen.key_averages() if each.key.startswith("aten::"))


def test_a_small_step_calls_few_operators(tmp_path: Path) -> None:
    made = work(SMALL, Setting(torch.device("cpu"), "quick", tmp_path))
    made.ours()
    assert calls(made.ours) <= 2_000


def test_a_small_step_with_offline_negatives_calls_few_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second_round(captions: np.ndarray, objective: Objective, *others: object) -> Batch:
        texts = {"text3": np.roll(captions, 1), "text4": np.roll(captions, 2)}
        owners = {"image3": np.roll(captions // 5, 3), "image4": np.roll(captions // 5, 4)}
        negatives = OfflineIndices(texts, owners)
        aoq = objective._replace(loss=create("loss", "aoq"))
        return Batch(captions, aoq, *others[:-1], negatives)  # type: ignore[arg-type]

    monkeypatch.setattr(step, "Batch", second_round)
    made = work(SMALL, Setting(torch.device("cpu"), "quick", tmp_path))
    for _ in range(2):  # what is kept is there by then
        made.ours()
    assert calls(made.ours) <= 2_500
