"""How often each interval that is printed holds the truth: 93 to 97 % of nominal 95 %."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.report.simulated import DIFFERENCE, ROW, Hits, World
from vsebench.report.speed.learning_curve import LearningCurve, arrivals
from vsebench.report.statistics.estimates import estimated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.statistics.means import Interval

TABLES = 2000
SLACK = 2.6 * math.sqrt(0.95 * 0.05 / TABLES)
"""What a simulated share misses its true one by in one of a hundred simulations."""

seeds = pytest.mark.parametrize("n", [3, 6, 10])


def holds(interval: Interval, truth: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


def check(held: Sequence[bool]) -> None:
    assert len(held) == TABLES
    assert 0.93 - SLACK <= np.mean(held) <= 0.97 + SLACK


@pytest.mark.parametrize("world", [ROW, DIFFERENCE, Hits()], ids=["row", "difference", "hits"])
@seeds
def test_rows_and_differences_on_other_images_and_on_these(world: World | Hits, n: int) -> None:
    """The interval holds for other seeds and other images, the one over seeds alone for other seeds
    on these images.
    """
    rng = np.random.default_rng(n)
    anywhere, here = [], []
    for _ in range(TABLES):
        table = world.table(rng, n)
        found = estimated(table.values.mean(axis=1).tolist(), table.values, [0] * n)
        anywhere.append(holds(found.interval(0.95), table.truth))
        here.append(holds(found.interval_of_seeds(0.95), table.on_split))
    check(anywhere)
    check(here)


def test_intervals_over_seeds_alone_do_not_hold_for_other_images() -> None:
    """The defect that the two-way interval is for, so that the simulation above can fail."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(500):
        table = ROW.table(rng, 6)
        found = estimated(table.values.mean(axis=1).tolist(), None, [0] * 6)
        held.append(holds(found.interval(0.95), table.truth))
    assert np.mean(held) < 0.7


@seeds
def test_means_over_studies(n: int) -> None:
    """As many studies of three seeds, whose searches matter three times as much as seeds do."""
    rng = np.random.default_rng(n)
    studies = np.repeat(np.arange(n), 3)
    held = []
    for _ in range(TABLES):
        values = rng.normal(0, 6, n)[studies] + rng.normal(0, 2, 3 * n)
        held.append(holds(estimated(values.tolist(), None, studies.tolist()).interval(0.95), 0))
    check(held)


COST = np.linspace(0, 160, 21)


def curve(rng: np.random.Generator, tau: float) -> LearningCurve:
    """A noisy exponential approach to 0.1, evaluated twenty times."""
    own = tau * math.exp(rng.normal(0, 0.15))
    dev = 0.1 * (1 - np.exp(-COST[1:] / own)) + rng.normal(0, 3e-4, len(COST) - 1)
    return LearningCurve(COST, np.concatenate([[0.0], dev]))


@pytest.mark.parametrize(("times", "n"), [(1.0, 10), (2.0, 3), (4.0, 6)])
def test_how_many_times_sooner_and_areas(times: float, n: int) -> None:
    """Of a row that arrives so many times sooner than its baseline, over so many paired runs."""
    rng = np.random.default_rng(7)
    drawn = [(curve(rng, 40 / times), curve(rng, 40)) for _ in range(1500)]
    met = [arrivals(ours, theirs, (0.08, 0.08)) for ours, theirs in drawn]
    logs = np.log([theirs.cost / ours.cost for ours, theirs in met])
    areas = np.array([ours.area(160) - theirs.area(160) for ours, theirs in drawn])
    rng = np.random.default_rng(n)
    for values, truth in ((logs, math.log(times)), (areas, areas.mean())):
        tables = values[rng.integers(len(values), size=(TABLES, n))]
        check(
            [
                holds(estimated(each.tolist(), None, [0] * n).interval(0.95), truth)
                for each in tables
            ]
        )
