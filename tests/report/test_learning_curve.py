from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from tests.factories import make_curve, make_record
from vsebench.report.learning_curve import LearningCurve, learning_curve
from vsebench.report.runs import Run


def walk(cost, fit, quality, steps=200_001):
    """The first of many points at which the cubic through the best so far reaches a quality."""
    points = np.linspace(cost[0], cost[-1], steps)
    reached = PchipInterpolator(cost, fit)(points) >= quality - 1e-12
    return points[reached.argmax()] if reached.any() else None


@pytest.mark.parametrize("seed", range(20))
def test_arrivals_and_areas_are_those_of_the_drawn_curve(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    cost = np.concatenate([[rng.random()], rng.random(n) + 0.1]).cumsum()
    quality = np.concatenate([[0], rng.choice([1.0, 2.0, 3.0, 3.5], n) + rng.normal(0, 0.3, n)])
    curve = LearningCurve(cost, quality)
    fit = [max(quality[: i + 1]) for i in range(len(quality))]
    for target in (0.5, 2.0, 3.0, 5.0, fit[-1] - 1e-6):
        expected = walk(cost, fit, target)
        found = curve.arrival(target)
        assert (found is None) == (expected is None)
        if found is not None:
            assert found == pytest.approx(expected, abs=(cost[-1] - cost[0]) / 100_000)
    for cap in (cost[0] / 2, float(cost.mean()), float(cost[-1]), 2 * float(cost[-1])):
        points = np.linspace(0, cap, 400_001)
        line = np.interp(points, cost, quality)
        assert curve.area(cap) == pytest.approx(np.trapezoid(line, points) / cap, rel=1e-4)


def test_a_run_that_overfits_has_arrived_all_the_same():
    curve = LearningCurve(np.arange(5.0), np.array([0.0, 1.0, 9.0, 1.0, 0.5]))
    assert 1 < curve.arrival(8.0) < 2
    assert curve.arrival(9.0) == 2
    assert curve.arrival(9.1) is None
    assert curve.best == 9.0


def test_seconds_begin_with_what_the_method_needs_first():
    record = make_record(cost={"prior_seconds": 30.0, "mining_seconds": 5.0})
    run = Run(record, tuple(make_curve([50.0, 100.0])))
    assert list(learning_curve(run, "seconds").cost) == [35.0, 37.0, 39.0]
    assert list(learning_curve(run, "steps").cost) == [0.0, 10.0, 20.0]
    assert 37.0 < learning_curve(run, "seconds").arrival(75.0) < 39.0
