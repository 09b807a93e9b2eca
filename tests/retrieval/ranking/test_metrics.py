from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.oracles import ranking
from vsebench.plugin.metrics import keys
from vsebench.retrieval import RetrievalMetrics
from vsebench.retrieval.ranking.metrics import Ranks


def random_ranks(images: int, texts: int, seed: int) -> Ranks:
    rng = np.random.default_rng(seed)
    return Ranks(rng.integers(25, size=images), rng.integers(25, size=texts))


@pytest.mark.parametrize(("images", "texts"), [(1, 1), (2, 10), (7, 30), (100, 501)])
def test_metrics_equal_the_oracle(images: int, texts: int) -> None:
    for seed in range(5):
        ranks = random_ranks(images, texts, seed)
        assert RetrievalMetrics.from_ranks(ranks).as_dict() == pytest.approx(
            ranking.metrics(ranks.image.tolist(), ranks.text.tolist()), rel=1e-12
        )


def test_a_match_at_position_k_is_not_among_the_first_k() -> None:
    metrics = RetrievalMetrics.from_ranks(Ranks(np.array([0, 1, 4, 5, 9, 10]), np.array([0])))
    assert (metrics.i2t_r1, metrics.i2t_r5, metrics.i2t_r10) == pytest.approx(
        (100 / 6, 50, 500 / 6)
    )
    assert (metrics.i2t_medr, metrics.i2t_meanr) == (5, pytest.approx(29 / 6 + 1))
    assert (metrics.t2i_r1, metrics.t2i_medr, metrics.t2i_meanr) == (100, 1, 1)


def test_names_are_those_of_result_rows() -> None:
    metrics = RetrievalMetrics.from_ranks(random_ranks(7, 30, seed=0))
    assert set(metrics.as_dict()) == set(keys("retrieval"))
    assert all(type(value) is float for value in metrics.as_dict().values())


def test_folds_are_averaged_and_not_pooled() -> None:
    folds = [random_ranks(10, 50, seed) for seed in range(3)]
    pooled = Ranks(*(np.concatenate(direction) for direction in zip(*folds, strict=True)))
    metrics = RetrievalMetrics.from_ranks(pooled, folds)
    each = [ranking.metrics(fold.image.tolist(), fold.text.tolist()) for fold in folds]
    assert metrics.as_dict() == pytest.approx(
        {name: np.mean([fold[name] for fold in each]) for name in each[0]}
    )
    assert metrics.i2t_medr != RetrievalMetrics.from_ranks(pooled).i2t_medr
    assert metrics.i2t_ranks is pooled.image


def test_metrics_are_frozen_and_print_without_ranks() -> None:
    metrics = RetrievalMetrics.from_ranks(random_ranks(7, 30, seed=0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        metrics.rsum = 600  # type: ignore[misc]
    assert "ranks" not in repr(metrics)
    assert metrics == RetrievalMetrics.from_ranks(random_ranks(7, 30, seed=0))
