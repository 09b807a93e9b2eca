from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vsebench.report.statistics.means import t_interval


@pytest.mark.parametrize("n", [2, 3, 6, 10])
def test_about_95_percent_of_intervals_hold_the_true_mean(n):
    rng = np.random.default_rng(n)
    trials = 4000
    held = 0
    for _ in range(trials):
        found = t_interval(rng.normal(300, 7, n).tolist())
        held += found.low <= 300 <= found.high
    assert 0.94 < held / trials < 0.96  # three standard errors of 4,000 trials are 1 point


def test_equals_scipy():
    values = [61.2, 60.1, 63.0, 62.4]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert t_interval(values) == pytest.approx((np.mean(values), low, high))


def test_one_seed_has_no_interval():
    assert t_interval([61.2]) == (61.2, None, None)


def test_equal_values_have_an_interval_without_width():
    assert t_interval([0.1, 0.1, 0.1]) == pytest.approx((0.1, 0.1, 0.1))
