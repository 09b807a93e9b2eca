"""Ratios over seeds: known, bounded, and whether their intervals hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vsebench.report.arrivals import Arrival
from vsebench.report.ratios import Bounds, Ratio, log_ratio, over_seeds

RNG = np.random.default_rng(7)


def known(*ratios: float) -> list[Bounds]:
    return [Bounds(math.log(r), math.log(r)) for r in ratios]


def whole(ratios: list[Bounds]) -> Ratio:
    found = over_seeds(ratios)
    assert found is not None
    return found


def test_a_ratio_is_above_one_where_the_other_is_faster_and_open_where_a_run_never_arrived():
    fast, slow = Arrival(10, 2), Arrival(40, 4)
    assert log_ratio(slow, fast, "updates") == pytest.approx((math.log(4), math.log(4)))
    assert log_ratio(slow, fast, "seconds") == pytest.approx((math.log(2), math.log(2)))
    never = Arrival(40, 4, reached=False)
    assert log_ratio(never, fast, "updates") == pytest.approx((math.log(4), math.inf))
    assert log_ratio(fast, never, "updates") == pytest.approx((-math.inf, -math.log(4)))
    assert log_ratio(never, never, "updates") == (-math.inf, math.inf)


def test_known_ratios_give_the_geometric_mean_with_students_interval():
    ratios = [1.5, 2.0, 2.5, 4.0]
    found = whole(known(*ratios))
    logs = np.log(ratios)
    expected = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found.statistic == "geometric mean"
    assert (found.low, found.high) == pytest.approx((stats.gmean(ratios),) * 2)
    assert found.interval == pytest.approx(tuple(np.exp(expected)))
    assert (found.pairs, found.known) == (4, 4)


def test_one_seed_has_no_interval_and_no_seed_no_ratio():
    assert whole(known(3.0)).interval is None
    assert over_seeds([]) is None


def test_few_open_ratios_leave_the_median_known():
    found = whole([*known(1, 2, 3, 4, 5), Bounds(math.log(6), math.inf)])
    assert (found.statistic, found.low, found.high) == ("median", pytest.approx(12**0.5), pytest.approx(12**0.5))
    assert found.interval == (pytest.approx(1), math.inf)


def test_many_open_ratios_bound_it():
    found = whole([*known(2), Bounds(math.log(3), math.inf), Bounds(math.log(4), math.inf)])
    assert (found.low, found.high, found.interval) == (pytest.approx(3), math.inf, None)
    below = whole([Bounds(-math.inf, math.log(0.5))] * 6)
    assert (below.low, below.high, below.interval) == (0, pytest.approx(0.5), (0, pytest.approx(0.5)))
    nothing = whole([Bounds(-math.inf, math.inf)] * 6)
    assert (nothing.low, nothing.high) == (0, math.inf)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9, 20])
def test_whatever_the_open_ratios_are_the_bounds_hold(n: int):
    """Against the median, and SciPy's interval of it, of any values that the bounds allow."""
    for _ in range(10):
        logs = RNG.normal(size=n).round(1)  # with ties
        kind = RNG.integers(4, size=n)
        kind[0] = 1
        bounds = [Bounds(-math.inf if k in (2, 3) else float(x), math.inf if k in (1, 3) else float(x)) for x, k in zip(logs, kind, strict=True)]
        found = whole(bounds)
        for _ in range(3):
            truth = np.array(
                [x + (k == 1) * RNG.exponential() - (k == 2) * RNG.exponential() + (k == 3) * RNG.normal() for x, k in zip(logs, kind, strict=True)]
            )
            assert found.low <= math.exp(np.median(truth)) * (1 + 1e-9)
            assert math.exp(np.median(truth)) <= found.high * (1 + 1e-9)
            low, high = stats.quantile_test(truth, p=0.5).confidence_interval(0.95)
            assert (found.interval is None) == math.isnan(low)
            if found.interval is not None:
                assert found.interval[0] <= math.exp(low) * (1 + 1e-9)
                assert math.exp(high) <= found.interval[1] * (1 + 1e-9)


def test_the_intervals_hold_the_truth_as_often_as_they_say():
    """Runs of a method twice as fast as the baseline, with noise; the baseline is stopped at a time that a third of its runs do not reach."""
    hits = 0
    for _ in range(400):
        pairs = []
        for _ in range(6):
            base, other = math.exp(RNG.normal(1.0, 0.3)), math.exp(RNG.normal(1.0 - math.log(2), 0.3))
            stop = math.exp(1.13)
            pairs.append(log_ratio(Arrival(1, min(base, stop), base <= stop), Arrival(1, other), "seconds"))
        interval = whole(pairs).interval
        assert interval is not None
        hits += interval[0] <= 2 <= interval[1]
    assert hits / 400 > 0.93
