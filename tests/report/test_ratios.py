"""Ratios over seeds: known, bounded, and whether their intervals hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vsebench.report.convergence import Arrival
from vsebench.report.speedup import Bounds, LogRatio, Ratio, log_ratio, over_seeds

RNG = np.random.default_rng(7)


def exact(low: float, high: float) -> LogRatio:
    """Of arrivals that are known as exactly as they are read."""
    return LogRatio(Bounds(low, high), Bounds(low, high))


def known(*ratios: float) -> list[LogRatio]:
    return [exact(math.log(r), math.log(r)) for r in ratios]


def whole(ratios: list[LogRatio]) -> Ratio:
    found = over_seeds(ratios)
    assert found is not None
    return found


def test_a_ratio_is_above_one_where_the_other_is_faster_and_open_where_a_run_never_arrived():
    fast, slow = Arrival(10, 2), Arrival(40, 4)
    assert log_ratio(slow, fast, "updates").read == pytest.approx((math.log(4), math.log(4)))
    assert log_ratio(slow, fast, "seconds").read == pytest.approx((math.log(2), math.log(2)))
    never = Arrival(40, 4, reached=False)
    assert log_ratio(never, fast, "updates").read == pytest.approx((math.log(4), math.inf))
    assert log_ratio(fast, never, "updates").read == pytest.approx((-math.inf, -math.log(4)))
    assert log_ratio(never, never, "updates").read == (-math.inf, math.inf)


def test_an_arrival_lies_between_two_evaluations():
    slow, fast, first, never = (
        Arrival(40, 4, after=(30, 3)),
        Arrival(20, 2, after=(10, 1.5)),
        Arrival(10, 1),
        Arrival(40, 4, reached=False),
    )
    assert log_ratio(slow, fast, "updates").true == pytest.approx(
        (math.log(30 / 20), math.log(40 / 10))
    )
    assert log_ratio(slow, fast, "seconds").true == pytest.approx(
        (math.log(3 / 2), math.log(4 / 1.5))
    )
    assert log_ratio(slow, first, "updates").true == pytest.approx((math.log(30 / 10), math.inf))
    assert log_ratio(first, slow, "updates").true == pytest.approx((-math.inf, math.log(10 / 30)))
    assert log_ratio(first, first, "updates").true == (-math.inf, math.inf)
    assert log_ratio(never, slow, "updates").true == pytest.approx((math.log(40 / 40), math.inf))
    assert log_ratio(slow, never, "updates").true == pytest.approx((-math.inf, math.log(40 / 40)))


def test_equal_readings_leave_the_interval_of_the_grid():
    found = whole(
        [log_ratio(Arrival(100, 10, after=(90, 9)), Arrival(20, 2, after=(10, 1)), "updates")] * 6
    )
    assert (found.low, found.high) == pytest.approx((5, 5))
    assert found.interval == pytest.approx((90 / 20, 100 / 10))
    at_once = whole([log_ratio(Arrival(100, 10, after=(90, 9)), Arrival(20, 2), "updates")] * 6)
    assert at_once.interval == (pytest.approx(90 / 20), math.inf)


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
    found = whole([*known(1, 2, 3, 4, 5), exact(math.log(6), math.inf)])
    assert (found.statistic, found.low, found.high) == (
        "median",
        pytest.approx(12**0.5),
        pytest.approx(12**0.5),
    )
    assert found.interval == (pytest.approx(1), math.inf)


def test_many_open_ratios_bound_it():
    found = whole([*known(2), exact(math.log(3), math.inf), exact(math.log(4), math.inf)])
    assert (found.low, found.high, found.interval) == (pytest.approx(3), math.inf, None)
    below = whole([exact(-math.inf, math.log(0.5))] * 6)
    assert (below.low, below.high, below.interval) == (
        0,
        pytest.approx(0.5),
        (0, pytest.approx(0.5)),
    )
    nothing = whole([exact(-math.inf, math.inf)] * 6)
    assert (nothing.low, nothing.high) == (0, math.inf)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9, 20])
def test_whatever_the_open_ratios_are_the_bounds_hold(n: int):
    """Against the median, and SciPy's interval of it, of any values that the bounds allow."""
    for _ in range(10):
        logs = RNG.normal(size=n).round(1)  # with ties
        kind = RNG.integers(4, size=n)
        kind[0] = 1
        bounds = [
            exact(-math.inf if k in (2, 3) else float(x), math.inf if k in (1, 3) else float(x))
            for x, k in zip(logs, kind, strict=True)
        ]
        found = whole(bounds)
        for _ in range(3):
            truth = np.array(
                [
                    x
                    + (k == 1) * RNG.exponential()
                    - (k == 2) * RNG.exponential()
                    + (k == 3) * RNG.normal()
                    for x, k in zip(logs, kind, strict=True)
                ]
            )
            assert found.low <= math.exp(np.median(truth)) * (1 + 1e-9)
            assert math.exp(np.median(truth)) <= found.high * (1 + 1e-9)
            low, high = stats.quantile_test(truth, p=0.5).confidence_interval(0.95)
            assert (found.interval is None) == math.isnan(low)
            if found.interval is not None:
                assert found.interval[0] <= math.exp(low) * (1 + 1e-9)
                assert math.exp(high) <= found.interval[1] * (1 + 1e-9)


def stopped(time: float, end: float, grid: float) -> Arrival:
    """What is seen of a run that arrives at `time`, is evaluated every `grid` and ends at `end`, a
    multiple of it.
    """
    seen = grid * math.ceil(time / grid)
    return (
        Arrival(1, seen, after=(0, seen - grid)) if seen <= end else Arrival(1, end, reached=False)
    )


@pytest.mark.parametrize(
    ("truth", "base", "noise", "grid", "end"),
    [
        pytest.param(
            2.0, math.e, 0.3, 1e-6, math.exp(1.13), id="a third of the baselines never arrive"
        ),
        pytest.param(4.0, 9.5, 0.03, 1.0, 50.0, id="few evaluations, hardly any noise"),
        pytest.param(7.0, 9.5, 0.03, 1.0, 50.0, id="the other at the second evaluation"),
        pytest.param(2.5, 6.4, 0.03, 1.0, 50.0, id="between evaluations"),
        pytest.param(1.5, 12.3, 0.2, 1.0, 50.0, id="noise of an evaluation"),
        pytest.param(20.0, 9.5, 0.03, 1.0, 50.0, id="the other by its first evaluation"),
    ],
)
def test_the_intervals_hold_the_truth_as_often_as_they_say(
    truth: float, base: float, noise: float, grid: float, end: float
):
    hits = 0
    for _ in range(300):
        pairs = []
        for _ in range(6):
            slow, fast = (
                base * math.exp(RNG.normal(0, noise)),
                base / truth * math.exp(RNG.normal(0, noise)),
            )
            pairs.append(
                log_ratio(
                    stopped(slow, grid * math.floor(end / grid), grid),
                    stopped(fast, math.inf, grid),
                    "seconds",
                )
            )
        interval = whole(pairs).interval
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    assert hits / 300 > 0.92
