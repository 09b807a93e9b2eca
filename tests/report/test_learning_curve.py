from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from tests.factories import make_curve, make_record
from vsebench.report.rows.runs import Run
from vsebench.report.speed.learning_curve import LearningCurve, arrivals, learning_curve


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


@pytest.mark.parametrize("seed", range(10))
def test_evaluations_within_one_tick_of_the_clock_are_one(seed):
    rng = np.random.default_rng(seed)
    cost, quality = np.arange(6.0), np.append(0.0, rng.random(5))
    often = rng.integers(1, 4, size=6)
    # the evaluations of a tick end with its best
    fine = np.repeat(quality, often) * rng.random(often.sum())
    fine[often.cumsum() - 1] = quality
    ticks = LearningCurve(np.repeat(cost, often), fine)
    for target in (0.1, 0.4, float(quality.max()), 1.5):
        assert ticks.arrival(target) == LearningCurve(cost, quality).arrival(target)


def steps_to(end, at):
    """A curve over `end` steps that reaches 1 at step `at`, or never."""
    quality = [1.0 if at is not None and step >= at else 0.0 for step in range(end + 1)]
    return LearningCurve(np.arange(end + 1.0), np.array(quality))


@pytest.mark.parametrize(
    ("ours", "theirs", "costs"),
    [
        ((9, 3), (9, 6), (3, 6)),
        ((9, None), (9, 6), (9, 6)),  # its end
        ((4, None), (9, 6), (6, 6)),  # not sooner, for all that is known
        ((9, 3), (5, None), (3, 5)),
        ((20, 12), (5, None), (12, 12)),
        ((4, None), (9, None), (9, 9)),  # neither is the sooner
    ],
)
def test_a_run_that_never_arrives_is_never_the_sooner(ours, theirs, costs):
    found = arrivals(steps_to(*ours), steps_to(*theirs), (1.0, 1.0))
    assert tuple(each.cost for each in found) == costs
    assert tuple(each.there for each in found) == (ours[1] is not None, theirs[1] is not None)
    swapped = arrivals(steps_to(*theirs), steps_to(*ours), (1.0, 1.0))
    assert swapped == found[::-1]
