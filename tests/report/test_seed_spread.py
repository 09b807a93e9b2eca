from __future__ import annotations

import math

import numpy as np
import pytest

from tests.report.seed_spreads import measured
from vsebench.plugin.metrics import RECALLS
from vsebench.report.statistics.seed_spread import SeedSpread, measure, stored

SEVEN = [*RECALLS, "rsum"]
LEVEL = dict(zip(RECALLS, (25.0, 53.0, 67.0, 19.0, 44.0, 57.0), strict=True))


def test_what_is_stored_is_what_the_committed_runs_give():
    assert stored().as_dict() == measured().as_dict()


def test_the_spread_is_pooled_within_rows():
    def run(*recalls):
        return dict(zip(RECALLS, recalls, strict=True))

    rows = [
        [run(50, 50, 50, 50, 50, 50), run(52, 50, 50, 50, 50, 50)],
        [run(20, 50, 50, 50, 50, 50)] * 2,
    ]
    spread = measure(rows, 10, "made up")
    assert spread.df == 2
    expected = np.zeros((6, 6))
    expected[0, 0] = 2 * 1**2 / (51 * 49) / 2
    np.testing.assert_allclose(spread.covariance, expected)


@pytest.mark.parametrize("seeds", [2, 3, 6, 10])
def test_a_perfect_reproduction_is_rejected_in_5_of_100_cases_and_at_most_one_more_or_less(seeds):
    # The spread is estimated from 30 degrees of freedom, as the stored one is, each time anew
    rng, tables, df = np.random.default_rng(seeds), 20_000, stored().df
    truth = stored().covariance
    root = np.linalg.cholesky(truth).T
    scale = np.sqrt([LEVEL[key] * (100 - LEVEL[key]) for key in RECALLS])
    parts = np.vstack([np.diag(scale), scale])  # the recalls, and their sum
    spreads = np.sqrt((parts @ truth @ parts.T).diagonal())
    limits = np.array(list(stored().limits(LEVEL, SEVEN, seeds, 0.95).values()))
    samples = rng.standard_normal((tables, df, 6)) @ root @ parts.T
    found = np.sqrt((samples**2).sum(axis=1) / df)
    ours = rng.standard_normal((tables, seeds, 6)).mean(axis=1)
    gaps = (ours - rng.standard_normal((tables, 6))) @ root @ parts.T
    rejected = (np.abs(gaps) > limits * found / spreads).any(axis=1).mean()
    assert 0.04 <= rejected <= 0.06


def test_the_limits_follow_the_level_and_the_number_of_seeds():
    spread = stored()
    one, many = (spread.limits(LEVEL, SEVEN, seeds, 0.95) for seeds in (1, 10**9))
    assert [one[key] / many[key] for key in SEVEN] == pytest.approx([math.sqrt(2)] * 7)
    edge = spread.limits({**LEVEL, "i2t_r10": 99.0}, SEVEN, 3, 0.95)
    assert edge["i2t_r10"] < 0.25 * spread.limits(LEVEL, SEVEN, 3, 0.95)["i2t_r10"]


def test_one_metric_alone_has_the_limit_of_its_own_t():
    spread = SeedSpread(np.eye(6) * 0.04, 5, 1000, "made up")
    limit = spread.limits({"i2t_r1": 50.0}, ["i2t_r1"], 3, 0.95)["i2t_r1"]
    t = 2.570582  # 97.5 % point of t with 5 degrees of freedom
    assert limit == pytest.approx(t * 0.2 * 50 * math.sqrt(4 / 3), rel=0.01)


def test_a_recall_of_100_has_no_spread_and_disturbs_nothing():
    spread = stored()
    level = {**LEVEL, "i2t_r10": 100.0}
    limits = spread.limits(level, SEVEN, 3, 0.95)
    assert limits["i2t_r10"] == 0.0
    without = [key for key in SEVEN if key != "i2t_r10"]
    again = spread.limits(level, without, 3, 0.95)
    assert [limits[key] for key in without] == pytest.approx(list(again.values()), rel=0.02)
