"""The sampler laboratory: what it measures, not how fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vsebench.annotation.throughput import _mean_deviations, measure, planted_state
from vsebench_plugins.ens.sampler import VSEens
from vsebench_plugins.sampling.independent import Uniform
from vsebench_plugins.sampling.scored import DNS, Warp

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsebench.annotation.throughput._SECONDS", 0.0)
    monkeypatch.setattr("vsebench.annotation.throughput._DRAWS", 2000)


def test_a_planted_model_ranks_its_positives_high() -> None:
    state = planted_state(50, 40, 8, CPU)
    scores = state.P @ state.Q.T
    own = torch.stack(
        [
            scores[i][torch.from_numpy(state.positives.row(i).astype(np.int64))].mean()
            for i in range(50)
        ]
    )
    assert own.mean() > scores.mean() + scores.std()
    assert state.positives.counts.max() <= 5
    counts = state.positives.popularity()
    assert counts[:5].mean() > 3 * counts[20:].mean()
    assert scores.std().item() == pytest.approx(1.5, rel=0.3)


def test_figures_of_a_sampler() -> None:
    state = planted_state(60, 30, 8, CPU)
    found = measure(VSEens(lam=0.1), state, [64, 16])
    assert set(found.draws_per_second) == {16, 64}
    assert min(found.draws_per_second.values()) > 0
    assert (found.labels, found.device, found.refresh_every) == (30, "cpu", 102)
    assert found.seconds_per_draw == pytest.approx(
        1 / found.draws_per_second[64] + found.refresh_seconds / 102
    )
    assert found.trials_per_draw >= 1


def test_harder_samplers_are_more_useful() -> None:
    state = planted_state(60, 30, 8, CPU)
    uniform, best, violators = (
        measure(sampler, state, [16]) for sampler in (Uniform(), DNS(), Warp())
    )
    assert uniform.refresh_every is None
    assert uniform.trials_per_draw == 1
    assert uniform.useful is not None
    assert best.useful is not None
    assert uniform.useful < best.useful
    assert violators.useful == 1


class Wrong(Uniform):
    """Draws as uniform does, and says that its law is another."""

    def mass(self, case: Any) -> np.ndarray:
        return np.arange(1.0, 1 + len(case.Q))


def test_a_wrong_law_is_far_from_the_draws() -> None:
    state = planted_state(60, 30, 8, CPU)
    right, wrong = measure(Uniform(), state, [16]), measure(Wrong(), state, [16])
    for found in (right, wrong):
        assert found.law_distance is not None
        assert found.law_distance_by_chance is not None
    assert right.law_distance < 1.5 * right.law_distance_by_chance  # type: ignore[operator]
    assert wrong.law_distance > 5 * wrong.law_distance_by_chance  # type: ignore[operator]


def test_a_large_batch_that_would_take_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vsebench.annotation.throughput._PATIENCE", 1e-9)
    assert set(
        measure(Uniform(), planted_state(20, 30, 8, CPU), [8, 64, 512]).draws_per_second
    ) == {8}


def test_mean_deviations_equal_enumeration() -> None:
    draws, law = 7, np.array([0.5, 0.3, 0.19, 0.01])
    counts = np.random.default_rng(0).multinomial(draws, law, size=200_000) / draws
    np.testing.assert_allclose(
        _mean_deviations(law, draws), np.abs(counts - law).mean(0), rtol=0.03
    )
