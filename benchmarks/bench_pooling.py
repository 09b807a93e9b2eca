"""Parts of poolings against plain versions of them; whole poolings are figures of `vsebench bench`.

Shapes are those of VSE-infinity's region features after size augmentation, and of Flickr30K's
captions.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.oracles.pooling import ReferenceGPO
from vsebench.kernels import sorted_values
from vsebench.kernels.sorted_pooling import TorchSortedSum, TorchSortedValues
from vsebench_plugins.gpo.pooling import GPO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Compare
    from torch import Tensor

    Inputs = tuple[Tensor, Tensor]

BATCH, DIM = 128, 1024


def image_lengths() -> Tensor:
    """29 of 36 regions on average."""
    return torch.randint(23, 35, (BATCH,), generator=torch.Generator().manual_seed(0))


def text_lengths() -> Tensor:
    """13 words on average, one caption of 32."""
    lengths = (
        (13.4 + 3 * torch.randn(BATCH, generator=torch.Generator().manual_seed(0)))
        .round()
        .long()
        .clamp(6, 32)
    )
    lengths[0] = 32
    return lengths


@pytest.fixture(params=["image", "text"])
def inputs(request: pytest.FixtureRequest) -> Inputs:
    lengths = image_lengths() if request.param == "image" else text_lengths()
    features = torch.randn(
        BATCH, int(lengths.max()), DIM, generator=torch.Generator().manual_seed(1)
    )
    return features.requires_grad_(), lengths


def training(pool: Callable[[Tensor, Tensor], Tensor], inputs: Inputs) -> Callable[[], None]:
    """One forward and backward pass."""
    features, lengths = inputs
    upstream = torch.randn(BATCH, DIM)

    def run() -> None:
        features.grad = None
        pool(features, lengths).backward(upstream)

    return run


def gpo_pair() -> tuple[GPO, ReferenceGPO]:
    gpo, reference = GPO(), ReferenceGPO()
    gpo.load_state_dict(reference.state_dict())
    return gpo, reference


def test_gpo_inference(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    gpo, reference = gpo_pair()
    with torch.no_grad():
        compare(benchmark, lambda: gpo(*inputs), lambda: reference(*inputs))


def test_gpo_weights(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """The weights alone: a table of all lengths against a packed nn.GRU over the batch."""
    gpo, reference = gpo_pair()
    _, lengths = inputs
    rows = int(lengths.max())
    compare(
        benchmark,
        lambda: gpo.table(rows).square().sum().backward(),
        lambda: reference.weights(lengths).square().sum().backward(),
        rounds=15,
    )


def test_gpo_by_torch_sort(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """The path of other devices and dtypes: one stable sort along a contiguous axis."""
    gpo, reference = gpo_pair()

    def pool(features: Tensor, lengths: Tensor) -> Tensor:
        return TorchSortedSum.apply(features, lengths, gpo.table(features.shape[1])[lengths - 1])

    compare(benchmark, training(pool, inputs), training(reference, inputs))


def test_sorted_values(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """What `fspool` and `adaptive` pool: the sorting network against one stable sort, forward and
    backward.
    """
    features, lengths = inputs
    upstream = torch.randn(features.shape)

    def run(sort: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], None]:
        def once() -> None:
            features.grad = None
            sort(features, lengths).backward(upstream)

        return once

    compare(benchmark, run(sorted_values), run(TorchSortedValues.apply), rounds=9)


FIRST_POOLING = """
import torch
from vsebench_plugins.gpo.pooling import GPO
torch.set_num_threads(1)
GPO()(torch.randn(2, 3, 4, requires_grad=True), torch.tensor([3, 2])).sum().backward()
"""


def test_start_up(benchmark: Any, compare: Compare, tmp_path: Path) -> None:
    """A new process that pools once: with kernels in numba's cache, against compiling them. Both
    times contain the import of torch.
    """
    fresh = (tmp_path / str(i) for i in itertools.count())

    def start(cache: Path) -> None:
        subprocess.run(
            [sys.executable, "-c", FIRST_POOLING],
            env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
            check=True,
        )

    compare(benchmark, lambda: start(tmp_path / "kept"), lambda: start(next(fresh)), rounds=3)
