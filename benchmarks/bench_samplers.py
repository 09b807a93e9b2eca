"""Label ranking: the sequential engine with its refreshes against the published algorithm, compiled
too, and against the libraries that install.

A data set of the size of a published one: 20,000 images × 300 labels, and 100,000 × 5,000, five
labels each, of Zipf popularity; 100 factors.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytest
import torch

from tests.oracles import published_vse_ens as published
from vsebench.annotation import sequential_numba
from vsebench.annotation.engine import Context, Refreshes
from vsebench.annotation.model import Model, Settings, TrainingData
from vsebench.annotation.sequential import Sequential
from vsebench.annotation.throughput import planted_state
from vsebench.annotation.train import PHASES
from vsebench.kernels import prefetch_numba
from vsebench.kernels.clock import Clock
from vsebench.plugin import DrawKey, Key
from vsebench_plugins.ens.sampler import VSEens
from vsebench_plugins.sampling.independent import Uniform
from vsebench_plugins.sampling.losses import Hinge, Logistic, WarpWeighted
from vsebench_plugins.sampling.scored import DNS, Warp

if TYPE_CHECKING:
    from conftest import Compare

    from vsebench.plugin import Positives, RankingLoss, Sampler

DIM = 100
CPU = torch.device("cpu")
SIZES = {300: 20_000, 5_000: 100_000}
LABELS = pytest.mark.parametrize("n_labels", SIZES)


@pytest.fixture(scope="module")
def positives() -> dict[int, Positives]:
    return {
        n_labels: planted_state(images, n_labels, DIM, CPU).positives
        for n_labels, images in SIZES.items()
    }


class Fast:
    """The sequential engine, an interval of refreshes at a time."""

    def __init__(
        self,
        rows: Positives,
        sampler: Sampler,
        loss: RankingLoss,
        features: np.ndarray | None = None,
    ) -> None:
        data, settings = (
            TrainingData(rows, features),
            Settings(updates=1, evaluate_every=1, dim=DIM),
        )
        self.model = Model.initial(data, settings, Key(0), CPU)
        context = Context(data, settings, self.model, sampler, loss, Key(0), Clock(CPU, PHASES))
        self.engine = Sequential(context, Refreshes(context))
        self.engine.prepare(0)
        self.done = 0

    def train(self, updates: int) -> None:
        self.done = self.engine.advance(self.done, self.done + updates)


class Plain:
    """The published algorithm; it goes on from where it stopped, so that both models are equally
    old.
    """

    def __init__(self, rows: Positives, scale: float) -> None:
        names = ("build_alias", "draw_alias", "refresh", "train")
        scope = {**vars(published)}
        for name in names:  # each sees the compiled form of the former
            function = vars(published)[name]
            scope[name] = numba.njit(type(function)(function.__code__, scope, name))
        self._train = scope["train"]
        rng = np.random.default_rng(0)
        self.P, self.Q = (
            rng.uniform(-0.01, 0.01, (size, DIM)).astype(np.float32)
            for size in (len(rows), rows.n_labels)
        )
        self.padded = np.full((len(rows), rows.counts.max()), -1, np.int64)
        self.padded[rows.images(), np.arange(rows.n_pairs) - rows.offsets[rows.images()]] = (
            rows.labels
        )
        self.owners, self.scale = rows.images(), scale

    def train(self, updates: int) -> None:
        self._train(updates, self.owners, self.padded, self.P, self.Q, self.scale, 0.01, 0.01)


@LABELS
def test_vse_ens_against_the_published_algorithm(
    benchmark: Any, compare: Compare, positives: dict[int, Positives], n_labels: int
) -> None:
    """Refreshes included: an interval of updates, or a hundred where it is short."""
    sampler, rows = VSEens(), positives[n_labels]
    updates = sampler.refresh_every(n_labels) * (100 if n_labels < 1000 else 1)
    fast, plain = Fast(rows, sampler, Hinge()), Plain(rows, sampler.scale(n_labels))
    plain.train(1)
    compare(benchmark, lambda: fast.train(updates), lambda: plain.train(updates), rounds=3)
    benchmark.extra_info["updates"] = updates


@pytest.mark.parametrize("n_features", [128, 1_280])
def test_updates_of_a_map_against_a_pass_over_it_each(
    benchmark: Any, compare: Compare, n_features: int
) -> None:
    """Blocks of updates against NumPy's x W and W ← (1 − decay) W + x ⊗ δ for each: one thread,
    6,000 images × 5,000 labels.
    """
    rows = planted_state(6_000, 5_000, DIM, CPU).positives
    features = 0.05 * np.random.default_rng(0).standard_normal((len(rows), n_features), np.float32)
    fast = Fast(rows, Uniform(), Hinge(), features)
    model = fast.model.images.numpy().copy()
    step = 0.01 * np.random.default_rng(1).standard_normal(DIM).astype(np.float32)

    def plain() -> None:
        for image in range(1_024):
            vector = features[image] @ model
            np.multiply(model, 0.9999, out=model)
            np.add(model, features[image][:, None] * (step + 0 * vector), out=model)

    compare(benchmark, lambda: fast.train(1_024), plain)
    benchmark.extra_info["updates"] = 1_024


@LABELS
@pytest.mark.parametrize("name", ["warp", "dns", "vse-ens"])
def test_sequential_training_against_uniform(
    benchmark: Any, compare: Compare, positives: dict[int, Positives], n_labels: int, name: str
) -> None:
    """What an adaptive update costs beside a uniform one, on young models: 0.5x is twice the
    price.
    """
    samplers = {"warp": Warp(trials=10), "dns": DNS(), "vse-ens": VSEens()}
    loss = WarpWeighted() if name == "warp" else Hinge()
    fast, uniform = (
        Fast(positives[n_labels], samplers[name], loss),
        Fast(positives[n_labels], Uniform(), Hinge()),
    )
    compare(benchmark, lambda: fast.train(100_000), lambda: uniform.train(100_000))
    benchmark.extra_info["updates"] = 100_000


@LABELS
def test_prefetching_against_none(
    benchmark: Any,
    compare: Compare,
    positives: dict[int, Positives],
    n_labels: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same updates, compiled with and without asking for the vectors of coming pairs."""
    fast = Fast(positives[n_labels], Uniform(), Hinge())
    fast.train(1)  # compiles
    monkeypatch.setattr(prefetch_numba, "_LINES", 0)
    plain = Fast(positives[n_labels], Uniform(), Hinge())
    anew = cache(sequential_numba.free_trainer.__wrapped__)  # else the one that `fast` has compiled
    plain.engine._kernels = SimpleNamespace(free_trainer=anew)
    plain.train(1)
    compare(benchmark, lambda: fast.train(100_000), lambda: plain.train(100_000))
    benchmark.extra_info["updates"] = 100_000


@LABELS
def test_uniform_against_implicit(
    benchmark: Any, compare: Compare, positives: dict[int, Positives], n_labels: int
) -> None:
    """An epoch of BPR; the library's set-up of an epoch is part of its time."""
    bpr = pytest.importorskip("implicit.bpr")
    from scipy.sparse import csr_matrix

    rows = positives[n_labels]
    matrix = csr_matrix(
        (np.ones(rows.n_pairs, np.float32), rows.labels, rows.offsets), shape=(len(rows), n_labels)
    )
    # And a bias
    model = bpr.BayesianPersonalizedRanking(
        factors=DIM - 1, iterations=4, num_threads=1, verify_negative_samples=True, random_state=0
    )
    fast = Fast(rows, Uniform(), Logistic())
    compare(
        benchmark,
        lambda: fast.train(4 * rows.n_pairs),
        lambda: model.fit(matrix, show_progress=False),
        rounds=3,
    )


@LABELS
def test_warp_against_lightfm(
    benchmark: Any, compare: Compare, positives: dict[int, Positives], n_labels: int
) -> None:
    """Ten trials at most; the library adapts its learning rates and has biases, so that pairs
    visited are what compares.
    """
    lightfm = pytest.importorskip("lightfm")
    from scipy.sparse import coo_matrix

    rows = positives[n_labels]
    matrix = coo_matrix(
        (np.ones(rows.n_pairs, np.float32), (rows.images(), rows.labels)),
        shape=(len(rows), n_labels),
    )
    # And a bias
    model = lightfm.LightFM(no_components=DIM - 1, loss="warp", max_sampled=10, random_state=0)
    model.fit_partial(matrix, epochs=1, num_threads=1)
    fast = Fast(rows, Warp(trials=10), WarpWeighted())
    fast.train(rows.n_pairs)
    compare(
        benchmark,
        lambda: fast.train(rows.n_pairs),
        lambda: model.fit_partial(matrix, epochs=1, num_threads=1),
        rounds=3,
    )
    benchmark.extra_info["updates"] = rows.n_pairs


@LABELS
@pytest.mark.parametrize("name", ["uniform", "dns", "vse-ens"])
def test_batches_of_draws_compiled_against_torch(
    benchmark: Any, compare: Compare, n_labels: int, name: str
) -> None:
    state = planted_state(SIZES[n_labels], n_labels, DIM, CPU)
    sampler = {"uniform": Uniform, "dns": DNS, "vse-ens": VSEens}[name]()
    sampler.refresh(state)
    numbers = np.random.default_rng(0).integers(0, state.positives.n_pairs, 4096)
    pairs = (
        torch.from_numpy(state.positives.images()[numbers]),
        torch.from_numpy(state.positives.labels[numbers]).long(),
    )
    key = DrawKey(0, 0)
    compare(
        benchmark,
        lambda: sampler.compiled(state, *pairs, 1, key),
        lambda: sampler.vectorised(state, *pairs, 1, key),
        rounds=9,
    )
    benchmark.extra_info["draws"] = 4096
