"""Training: the sequential engine against plain loops, the mini-batch engine against the sequential
one, and resuming.
"""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.oracles import label_ranking as oracle
from vsebench.annotation.model import Model, Settings, TrainingData
from vsebench.annotation.train import Point, Recipe, train
from vsebench.kernels.clock import on_cpu
from vsebench.plugin import DataError, DrawKey, Key, PluginError, Positives, SamplerState, SpecError
from vsebench.results.record import DivergenceError
from vsebench_plugins.ens.sampler import VSEens
from vsebench_plugins.sampling.independent import Popularity, Uniform
from vsebench_plugins.sampling.losses import Hinge, Logistic, WarpWeighted
from vsebench_plugins.sampling.scored import DNS, SoftmaxOracle, Warp

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin import Draws

N, A, K = 14, 9, 5
SETTINGS = Settings(
    updates=150, evaluate_every=150, dim=K, lr=0.1, l2_image=0.02, l2_label=0.03, init_scale=0.7
)
SAMPLERS = {
    "uniform": Uniform,
    "popularity": Popularity,
    "warp": lambda: Warp(trials=5),
    "dns": lambda: DNS(3),
    "softmax-oracle": SoftmaxOracle,
    "vse-ens": lambda: VSEens(lam=0.2),
}
CASES = pytest.mark.parametrize(
    ("name", "loss", "mapped"),
    [
        *((name, "hinge", False) for name in SAMPLERS),
        ("warp", "warp-weighted", False),
        ("uniform", "logistic", False),
        ("vse-ens", "hinge", True),
        ("warp", "warp-weighted", True),
    ],
)
"""Each is compiled by itself, hence not every combination."""

LOSSES = {"hinge": Hinge(), "logistic": Logistic(), "warp-weighted": WarpWeighted()}


def data(*, mapped: bool = False, held_out: bool = False) -> TrainingData:
    """Image 0 has every label."""
    rng = np.random.default_rng(0)
    chosen = rng.random((N, A)) < 0.3
    chosen[0] = True
    features = 0.5 * rng.standard_normal((N, 4), np.float32) if mapped else None
    others = Positives.from_pairs(*np.nonzero(~chosen), N, A) if held_out else None
    return TrainingData(Positives.from_pairs(*np.nonzero(chosen), N, A), features, others)


def trained(
    sampler: Any,
    loss: Any,
    settings: Settings = SETTINGS,
    source: TrainingData | None = None,
    **more: Any,
) -> list[Point]:
    recipe = Recipe(source or data(), settings, sampler, loss, seed=4)
    return list(train(recipe, lambda model: {}, **more))


def by_hand(
    name: str, loss: str, source: TrainingData
) -> tuple[list[list[float]], list[list[float]], float]:
    """The plain loops, with the sampler's vectorised form for the negatives."""
    sampler, rows, key = SAMPLERS[name](), source.positives, Key(4)
    start = Model.initial(source, SETTINGS, key / "init", torch.device("cpu"))
    P, Q = start.images.tolist(), start.labels.tolist()
    every, owners, losses = sampler.refresh_every(A), rows.images(), []
    rates = SETTINGS.lr, SETTINGS.l2_image, SETTINGS.l2_label
    for step in range(SETTINGS.updates):
        pair = oracle.pair((key / "pairs").seed(), step, 0, rows.n_pairs)
        image, positive = int(owners[pair]), int(rows.labels[pair])
        x = None if source.features is None else source.features[image].tolist()
        vector = P[image] if x is None else oracle.project(x, P)
        state = SamplerState(torch.tensor([vector]), torch.tensor(Q), rows, torch.tensor([image]))
        if step == 0 or (every and step % every == 0):
            sampler.refresh(state)
        drawn = sampler.vectorised(
            state,
            torch.tensor([0]),
            torch.tensor([positive]),
            1,
            DrawKey((key / "negatives").seed(), step),
        )
        negative, weight = drawn.negatives.item(), drawn.weight.item()
        if negative < 0:
            continue
        difference = oracle.dot(vector, Q[positive]) - oracle.dot(vector, Q[negative])
        losses.append(oracle.value(loss, difference, weight))
        g = oracle.slope(loss, difference, weight)
        if x is None:
            oracle.update(P[image], Q[positive], Q[negative], g, *rates)
        else:
            oracle.update_mapped(x, P, Q[positive], Q[negative], g, *rates)
    return P, Q, sum(losses) / len(losses)


@CASES
def test_the_sequential_engine_equals_plain_loops(name: str, loss: str, mapped: bool) -> None:
    source = data(mapped=mapped)
    (point,) = trained(SAMPLERS[name](), LOSSES[loss], source=source)
    P, Q, mean = by_hand(name, loss, source)
    np.testing.assert_allclose(point.model.images, P, rtol=1e-5, atol=3e-6)
    np.testing.assert_allclose(point.model.labels, Q, rtol=1e-5, atol=3e-6)
    assert point.loss == pytest.approx(mean, abs=1e-5)


@CASES
def test_a_batch_of_one_is_a_sequential_update(name: str, loss: str, mapped: bool) -> None:
    source, single = (
        data(mapped=mapped),
        dataclasses.replace(SETTINGS, engine="minibatch", batch_size=1),
    )
    (one,) = trained(SAMPLERS[name](), LOSSES[loss], SETTINGS, source)
    (other,) = trained(SAMPLERS[name](), LOSSES[loss], single, source)
    torch.testing.assert_close(one.model.images, other.model.images, rtol=1e-5, atol=3e-6)
    torch.testing.assert_close(one.model.labels, other.model.labels, rtol=1e-5, atol=3e-6)
    assert other.loss == pytest.approx(one.loss, abs=1e-5)
    assert other.diagnostics == pytest.approx(dict(one.diagnostics))


@pytest.mark.parametrize("mapped", [False, True], ids=["free", "mapped"])
def test_a_batch_adds_up_updates_from_one_start(mapped: bool) -> None:
    """Images move by the sum of what each update asks for, then labels do, with the images' new
    vectors.
    """
    source = data(mapped=mapped)
    settings = dataclasses.replace(
        SETTINGS, engine="minibatch", batch_size=12, negatives=2, updates=24, evaluate_every=24
    )
    (point,) = trained(Uniform(), Hinge(), settings, source)
    key, rows, sampler = Key(4), source.positives, Uniform()
    start = Model.initial(source, settings, key / "init", torch.device("cpu"))
    P, Q, X = (
        start.images.double(),
        start.labels.double(),
        torch.eye(N).double()
        if source.features is None
        else torch.from_numpy(source.features).double(),
    )
    pairs = [oracle.pair((key / "pairs").seed(), 0, b, rows.n_pairs) for b in range(12)]
    images, labels = (
        torch.from_numpy(rows.images()[pairs]),
        torch.from_numpy(rows.labels[pairs].astype(np.int64)),
    )
    state = SamplerState(torch.zeros(N, K), start.labels, rows)  # a uniform draw looks at no vector
    drawn = sampler.vectorised(state, images, labels, 2, DrawKey((key / "negatives").seed(), 0))
    to_images, updates = torch.zeros_like(P), []
    for b, (i, p) in enumerate(zip(images.tolist(), labels.tolist(), strict=True)):
        negatives = [n for n in drawn.negatives[b].tolist() if n >= 0]
        v = X[i] @ P
        slopes = [oracle.slope("hinge", float(v @ Q[p] - v @ Q[n]), 1) for n in negatives]
        pull = sum(
            (g * (Q[p] - Q[n]) for g, n in zip(slopes, negatives, strict=True)),
            torch.zeros(K).double(),
        )
        decayed = torch.zeros_like(P)
        if negatives:
            decayed = (
                P if mapped else torch.zeros_like(P).index_copy_(0, torch.tensor([i]), P[i : i + 1])
            )
        to_images += torch.outer(X[i], pull) - settings.l2_image * decayed
        updates.append((i, p, negatives, slopes))
    P = P + settings.lr * to_images
    to_labels = torch.zeros_like(Q)
    for i, p, negatives, slopes in updates:
        if negatives:
            to_labels[p] += sum(slopes) * (X[i] @ P) - settings.l2_label * Q[p]
        for g, n in zip(slopes, negatives, strict=True):
            to_labels[n] += -g * (X[i] @ P) - settings.l2_label * Q[n]
    torch.testing.assert_close(point.model.images.double(), P, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        point.model.labels.double(), Q + settings.lr * to_labels, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"engine": "minibatch", "batch_size": 8, "optimiser": "adam"},
        {"engine": "minibatch", "batch_size": 8, "optimiser": "adagrad"},
    ],
)
@pytest.mark.parametrize("mapped", [False, True], ids=["free", "mapped"])
def test_a_resumed_run_gives_the_same(change: dict[str, Any], mapped: bool) -> None:
    """The stop is between two refreshes."""
    settings = dataclasses.replace(SETTINGS, updates=96, evaluate_every=32, **change)
    source = data(mapped=mapped)
    whole = trained(VSEens(lam=0.2), Hinge(), settings, source)
    recipe = Recipe(source, settings, VSEens(lam=0.2), Hinge(), seed=4)
    first = next(train(recipe, lambda model: {}))
    buffer = io.BytesIO()
    torch.save(first.checkpoint(), buffer)
    buffer.seek(0)
    rest = trained(
        VSEens(lam=0.2), Hinge(), settings, source, resume=torch.load(buffer, weights_only=True)
    )
    assert [p.updates for p in whole] == [32, 64, 96]
    assert [p.updates for p in rest] == [64, 96]
    assert torch.equal(rest[-1].model.images, whole[-1].model.images)
    assert torch.equal(rest[-1].model.labels, whole[-1].model.labels)
    assert [p.loss for p in rest] == [p.loss for p in whole[1:]]
    # Of the sum: drawing and updating are told apart by a sample, and may go either way
    assert sum(rest[0].seconds.values()) > sum(first.seconds.values())


def test_stops_do_not_change_a_run() -> None:
    often = dataclasses.replace(SETTINGS, evaluate_every=7)
    one, many = trained(VSEens(), Hinge()), trained(VSEens(), Hinge(), often)
    assert len(many) == 22
    assert many[-1].updates == 150
    assert torch.equal(one[-1].model.labels, many[-1].model.labels)


@pytest.mark.parametrize("mapped", [False, True])
def test_being_told_of_steps_changes_nothing_to_the_bit(mapped: bool) -> None:
    settings = dataclasses.replace(SETTINGS, updates=3000, evaluate_every=1500)
    told: list[tuple[int, float]] = []
    plain, watched = (
        trained(Uniform(), Hinge(), settings, data(mapped=mapped), told=listener)[-1]
        for listener in (None, told.extend)
    )
    assert [updates for updates, _ in told] == [1024, 1500, 2048, 3000]
    assert torch.equal(plain.model.images, watched.model.images)
    assert torch.equal(plain.model.labels, watched.model.labels)
    assert (plain.loss, plain.diagnostics) == (watched.loss, watched.diagnostics)


def test_runs_of_a_seed_share_pairs_and_start() -> None:
    """With a rate of 0 nothing moves; a different seed starts elsewhere."""
    still = dataclasses.replace(SETTINGS, lr=0.0)
    (one,), (other,) = trained(Uniform(), Hinge(), still), trained(Warp(), WarpWeighted(), still)
    assert torch.equal(one.model.images, other.model.images)
    assert one.diagnostics["skipped"] == other.diagnostics["skipped"]
    (elsewhere,) = train(Recipe(data(), still, Uniform(), Hinge(), seed=5), lambda model: {})
    assert not torch.equal(elsewhere.model.images, one.model.images)


def test_updates_without_a_negative_are_counted() -> None:
    (point,) = trained(
        Warp(trials=1), Hinge(), dataclasses.replace(SETTINGS, updates=400, evaluate_every=400)
    )
    rows = data().positives
    assert point.diagnostics["skipped"] == pytest.approx(A / rows.n_pairs, abs=0.07)
    assert point.diagnostics["exhausted"] > 0
    assert point.diagnostics["violation_rate"] == 1


def test_false_negatives_are_counted_where_they_are_known() -> None:
    # Every other label is held out
    (point,) = trained(Uniform(), Hinge(), source=data(held_out=True))
    assert point.diagnostics["false_negative_rate"] == 1
    assert "false_negative_rate" not in trained(Uniform(), Hinge())[0].diagnostics


def test_seconds_are_split() -> None:
    seen: list[int] = []
    settings = dataclasses.replace(SETTINGS, evaluate_every=50)
    recipe = Recipe(data(), settings, VSEens(), Hinge(), seed=0)
    points = list(train(recipe, lambda m: {"seen": len(seen)}))
    for point in points:
        phases = ("sampling", "refresh", "update", "evaluation")
        assert set(point.seconds) == {*phases, *map(on_cpu, phases)}
        assert min(point.seconds.values()) >= 0
        for found, key in ((point.train_seconds, str), (point.train_cpu_seconds, on_cpu)):
            assert found == pytest.approx(sum(point.seconds[key(phase)] for phase in phases[:3]))
    assert points[0].metrics == {"seen": 0}
    assert [p.train_seconds for p in points] == sorted(p.train_seconds for p in points)


def test_a_diverging_run_says_so() -> None:
    with pytest.raises(DivergenceError, match=r"update 150 of 150 .*lower lr"):
        trained(Uniform(), Hinge(), dataclasses.replace(SETTINGS, lr=1e20))


def test_vectors_that_grow_without_bound_are_a_diverging_run_before_their_loss_is() -> None:
    runaway = dataclasses.replace(
        SETTINGS, lr=1e8, l2_image=0, l2_label=0, updates=12, evaluate_every=12
    )
    with pytest.raises(DivergenceError, match=r"update 12 of 12 \(loss .*\d\).*lower lr"):
        trained(Uniform(), Hinge(), runaway)


def test_training_learns() -> None:
    settings = dataclasses.replace(SETTINGS, updates=20_000, evaluate_every=10_000)
    for sampler in (Uniform(), VSEens(lam=0.3), DNS()):
        first, last = trained(sampler, Hinge(), settings)
        assert last.loss < 0.5 * trained(sampler, Hinge())[0].loss
        assert first.updates == 10_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"optimiser": "adam"},
            "use engine=minibatch for optimiser=adam",
        ),
        ({"negatives": 2}, "use engine=minibatch for negatives=2"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
    ],
)
def test_settings_that_do_not_go_together(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        dataclasses.replace(SETTINGS, **change)


class Own:
    """Uniform draws without a kernel, as a plugin may make them, changed by a function."""

    may_draw_positives = False

    def __init__(self, change: Callable[[Draws], Any] = lambda draws: draws) -> None:
        self.inner, self.change = Uniform(), change

    def refresh_every(self, n_labels: int) -> None:
        return None

    def refresh(self, state: Any) -> None:
        self.inner.refresh(state)

    def sample(self, *arguments: Any) -> Any:
        return self.change(self.inner.vectorised(*arguments))


def test_a_sampler_without_a_kernel_needs_the_other_engine() -> None:
    hint = r"use engine=minibatch, or give it kernel\(\) \(docs/plugins/sampler.md\)"
    with pytest.raises(SpecError, match=f"sampler Own .*sequential.*{hint}"):
        trained(Own(), Hinge())
    settings = dataclasses.replace(SETTINGS, engine="minibatch", batch_size=16)
    (own,), (ours,) = trained(Own(), Hinge(), settings), trained(Uniform(), Hinge(), settings)
    assert torch.equal(own.model.labels, ours.model.labels)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda draws: None, "expected Draws, got NoneType from the sampler Own"),
        (
            lambda draws: dataclasses.replace(draws, negatives=draws.negatives[:, 0]),
            r"expected negatives \[16, 1\], got \[16\] from the sampler Own",
        ),
        (
            lambda draws: dataclasses.replace(draws, weight=draws.weight[:3]),
            r"expected weight \[16, 1\], got \[3, 1\] from the sampler Own",
        ),
        (
            lambda draws: dataclasses.replace(draws, negatives=draws.negatives.float()),
            r"expected negatives of torch\.int64, got torch\.float32 from the sampler Own",
        ),
        (
            lambda draws: dataclasses.replace(draws, negatives=draws.negatives + A),
            f"expected negatives below {A}, the number of labels, got .* from the sampler Own",
        ),
    ],
)
def test_draws_that_are_none_are_named(change: Any, said: str) -> None:
    settings = dataclasses.replace(SETTINGS, engine="minibatch", batch_size=16)
    with pytest.raises(PluginError, match=said):
        trained(Own(change), Hinge(), settings)


def test_data_that_do_not_fit() -> None:
    none = Positives(np.zeros(4, np.int64), np.zeros(0, np.int32), 3)
    with pytest.raises(DataError, match="no training image has a label"):
        TrainingData(none)
    with pytest.raises(DataError, match=r"features of 14 images must be \[14, d\], found \[3, 2\]"):
        TrainingData(data().positives, np.zeros((3, 2), np.float32))
    with pytest.raises(DataError, match="held-out labels are of 3 × 3"):
        TrainingData(data().positives, held_out=none)
