from __future__ import annotations

import pytest

from tests.factories import make_curve, make_record
from vsebench.report.rows.progress import Reach, best_dev, mean_reach, reach, reach_own_best
from vsebench.report.rows.runs import Run


def run(rsums, **cost):
    return Run(make_record(cost=cost), tuple(make_curve(rsums)))


def test_first_evaluation_at_or_above_counts():
    found = run([100, 190, 200, 150])
    assert reach(found, 190) == (20, 0.5, 4.0)
    assert reach(found, 190.1) == (30, 0.75, 6.0)
    assert reach(found, 200.1) is None
    assert reach(found, 0) == (10, 0.25, 2.0)


def test_the_clock_starts_with_what_the_method_needs_first():
    assert reach(run([100, 190], prior_seconds=40.0, mining_seconds=3.5), 190) == (20, 0.5, 47.5)


def test_own_best_is_the_best_of_all_evaluations_not_the_last():
    found = run([100, 189.9, 190.1, 200, 120])
    assert best_dev(found) == 200
    assert reach_own_best(found) == (30, 0.75, 6.0)


def test_no_curve():
    assert best_dev(run([])) is None
    assert reach_own_best(run([])) is None
    assert reach(Run(make_record(cost=None)), 0) is None


def test_mean_needs_every_seed():
    a, b = Reach(10, 0.25, 2.0), Reach(30, 0.75, 7.0)
    assert mean_reach([a, b]) == pytest.approx((20, 0.5, 4.5))
    assert mean_reach([a]) == a
    assert mean_reach([a, None]) is None
    assert mean_reach([]) is None
