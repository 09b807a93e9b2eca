"""Poolings, forward and backward, against plain versions, and against the floor: copying the
features once.

Shapes are those of VSE-infinity's region features after size augmentation, and of Flickr30K's
captions.
"""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.oracles.pooling import ReferenceGPO, k_max_by_items, max_by_masking, mean_by_masking
from vsebench.kernels import sorted_values, valid_mask
from vsebench.kernels.sorted_pooling_torch import TorchSortedSum
from vsebench.kernels.sorted_values import TorchSortedValues
from vsebench_plugins.adaptive.pooling import AdaptivePooling
from vsebench_plugins.classic.poolings import KMax, Max, MaxAvg, Mean
from vsebench_plugins.gpo.pooling import GPO
from vsebench_plugins.learned.attention import ESA, SelfAttention, Softmax, attention_received
from vsebench_plugins.learned.gem import GeM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Compare
    from torch import Tensor, nn

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


def copy_of(inputs: Inputs) -> Callable[[], Tensor]:
    features = inputs[0].detach()
    return features.clone


def gpo_pair() -> tuple[GPO, ReferenceGPO]:
    gpo, reference = GPO(), ReferenceGPO()
    gpo.load_state_dict(reference.state_dict())
    return gpo, reference


def test_gpo(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    gpo, reference = gpo_pair()
    compare(benchmark, training(gpo, inputs), training(reference, inputs))


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


def test_kmax(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    compare(
        benchmark,
        training(KMax(5), inputs),
        training(lambda x, n: k_max_by_items(x, n, 5), inputs),
        rounds=9,
    )


def test_max(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    compare(benchmark, training(Max(), inputs), training(max_by_masking, inputs), rounds=15)


def test_mean(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    compare(benchmark, training(Mean(), inputs), training(mean_by_masking, inputs), rounds=15)


def softmax_by_masking(values: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    mask = valid_mask(lengths, values.shape[1])[:, :, None]
    return (values * torch.where(mask, scores, -math.inf).softmax(dim=1)).sum(dim=1)


def test_softmax(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    compare(
        benchmark,
        training(Softmax(), inputs),
        training(lambda x, n: softmax_by_masking(x, x, n), inputs),
        rounds=9,
    )


def test_gem(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """Both with a learnt exponent."""
    gem = GeM()

    def powers(features: Tensor, lengths: Tensor) -> Tensor:
        mask = valid_mask(lengths, features.shape[1])[:, :, None]
        total = (features.clamp(min=gem.eps) ** gem.p * mask).sum(dim=1)
        return (total / lengths[:, None]) ** (1 / gem.p)

    compare(benchmark, training(gem, inputs), training(powers, inputs), rounds=9)


def test_esa(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """Its linear map on the valid rows, against the whole batch."""
    esa = ESA(dim=DIM)
    compare(
        benchmark,
        training(esa, inputs),
        training(lambda x, n: softmax_by_masking(x, esa.score(x), n), inputs),
    )


def test_selfattn(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """Its linear maps on the valid rows, against the whole batch."""
    attention = SelfAttention(dim=DIM)

    def padded(features: Tensor, lengths: Tensor) -> Tensor:
        weights = attention_received(attention.query(features), attention.key(features), lengths)
        return attention.value((features * weights[:, :, None]).sum(dim=1))

    compare(benchmark, training(attention, inputs), training(padded, inputs))


def test_adaptive(benchmark: Any, compare: Compare, inputs: Inputs) -> None:
    """The sorting network, the valid rows and compiled sums, against one sort and masks."""
    pooling = AdaptivePooling(dim=DIM)

    def padded(features: Tensor, lengths: Tensor) -> Tensor:
        values = TorchSortedValues.apply(features, lengths)
        scores = pooling.token(values).relu()
        branches = torch.stack(
            [softmax_by_masking(values, s, lengths) for s in (scores, values)], dim=1
        )
        return (pooling.gate(branches).softmax(dim=1) * branches).sum(dim=1)

    compare(benchmark, training(pooling, inputs), training(padded, inputs))


@pytest.mark.parametrize(
    "pooling",
    [Mean(), Max(), MaxAvg(), KMax(5), GPO()],
    ids=["mean", "max", "maxavg", "kmax", "gpo"],
)
def test_against_the_floor(
    benchmark: Any, compare: Compare, inputs: Inputs, pooling: nn.Module
) -> None:
    """How far from one copy of the features: 0.5x means the time of two copies."""
    compare(benchmark, training(pooling, inputs), copy_of(inputs), rounds=15)


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
