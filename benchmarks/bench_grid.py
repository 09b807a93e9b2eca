"""Runs forked from one process against a new process for each, in CPU seconds; what a grid costs
beside its training is a figure of `vsebench bench`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from vsebench.grid import forking
from vsebench.grid.run import run_suite
from vsebench.grid.suite import make_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.conftest import Compare
    from vsebench.grid.suite import Suite

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Suite]:
    """A suite with two steps a run, by its number of seeds, with a folder of its own each time;
    every seed makes eight runs.
    """
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    numbers = itertools.count()

    def suite(seeds: int) -> Suite:
        changes = {"embed_dim": "16", "word_dim": "8", "epochs": "1", "warmup_epochs": "0"}
        return make_suite(
            {
                "dataset": "scenes:images=60",
                "pooling": "gpo,maxavg,mean,kmax",
                "loss": "triplet,infonce",
                "seeds": f"0-{seeds - 1}",
                "set": changes,
                "device": "cpu",
                "out": str(tmp_path / str(next(numbers))),
            },
            "benchmark",
        )

    return suite


@pytest.mark.skipif(not forking.AVAILABLE, reason="needs Linux")
def test_forked_runs(
    tiny: Callable[[int], Suite],
    benchmark: Any,
    compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """8 runs forked from one process, against a new process for each."""

    def forked() -> None:
        assert not run_suite(tiny(1)).failed

    def new() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(forking, "AVAILABLE", False)
            assert not run_suite(tiny(1)).failed

    compare(benchmark, forked, new, rounds=1)
