"""What is loaded before runs are forked is what they then use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vsebench.grid.preload import training_kernels

USED = """
import os
import torch
from vsebench.grid.preload import training_kernels
print(sum(1 for _ in training_kernels()))
threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1

from vsebench.kernels import (
    bigru_numba, prefix_scores_numba, prefixes_numba, reductions_numba, sorted_pooling_numba
)
from vsebench.kernels.bigru import GRUWeights, bigru
from vsebench.kernels.reductions import masked_max, masked_mean
from vsebench.kernels.sorted_pooling import sorted_weighted_sum
from vsebench_plugins.gpo.pooling import GPO

modules = (
    bigru_numba, prefix_scores_numba, prefixes_numba, reductions_numba, sorted_pooling_numba
)
kernels = [
    kernel for module in modules
    for kernel in vars(module).values() if hasattr(kernel, "signatures")
]
before = [len(kernel.signatures) for kernel in kernels]
features = torch.randn(3, 5, 7, requires_grad=True)
lengths = torch.tensor([5, 2, 1])
weights = torch.rand(3, 5, requires_grad=True)
shapes = ((2, 21, 7), (2, 21, 7), (2, 21), (2, 21))
parameters = [torch.randn(shape, requires_grad=True) for shape in shapes]
words = torch.randint(9, (3, 5))
states = bigru(torch.randn(9, 7, requires_grad=True), words, lengths, GRUWeights(*parameters))
pooled = [
    masked_mean(states, lengths),
    masked_mean(features, lengths),
    masked_max(features, lengths),
    sorted_weighted_sum(features, lengths, weights),
    GPO()(features, lengths),
]
torch.stack(pooled).sum().backward()
print(sum(before) > 0, [len(kernel.signatures) for kernel in kernels] == before, threads)
"""


def test_steps_compile_nothing_more_and_loading_starts_no_thread() -> None:
    pytest.importorskip("numba")
    told = subprocess.run(
        [sys.executable, "-c", USED],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert told == ["5", "True", "True", "1"]


def test_without_numba_there_is_nothing_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsebench.grid.preload.numba_works", lambda: False)
    assert list(training_kernels()) == []
