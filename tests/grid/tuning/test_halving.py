"""Which trials go on: against successive halving written out, with ties, failures and by time."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats

from tests.oracles.halving import halving
from vsebench.grid.tuning.halving import Result, agreement, arrival, ranking, rungs, shares


def test_rungs_keep_a_third_and_at_least_two() -> None:
    assert shares(3) == pytest.approx((1 / 9, 1 / 3, 1))
    assert [rung.trials for rung in rungs(16, shares(3))] == [16, 6, 2]
    assert [rung.trials for rung in rungs(8, shares(3))] == [8, 3, 2]
    assert [rung.trials for rung in rungs(27, shares(4))] == [27, 9, 3, 2]
    assert [(rung.trials, rung.share) for rung in rungs(12, shares(1))] == [(12, 1)]


@pytest.mark.parametrize("seed", range(30))
def test_promotion_is_that_of_the_oracle(seed: int) -> None:
    """Few different qualities make ties, and some points diverge: at once or on a later rung."""
    rng = random.Random(seed)
    n, levels = rng.randint(8, 40), rng.randint(1, 4)
    of_rung = [
        [None if rng.random() < 0.2 else rng.randint(0, 5) / 5 for _ in range(n)]
        for _ in range(levels)
    ]
    wanted = dict(zip(shares(levels), of_rung, strict=True))
    trained, chosen = halving(n, shares(levels), lambda point, share: wanted[share][point])
    best = list(range(n))
    for number, rung in enumerate(rungs(n, shares(levels))):
        left = sorted(best[: rung.trials])
        assert left == trained[number]
        order = ranking([Result(of_rung[number][point]) for point in left], "quality")
        best = [left[place] for place in order]
        if not best:
            assert chosen is None
            return
    assert best[0] == chosen


def test_by_time_the_soonest_comes_first_and_who_misses_the_target_last() -> None:
    results = [
        Result(0.5, None),
        Result(0.9, 400.0),
        Result(None, None),
        Result(0.7, 300.0),
        Result(0.8, None),
        Result(0.95, 400.0),
    ]
    assert ranking(results, "time") == [3, 5, 1, 4, 0]
    assert ranking(results, "quality") == [5, 1, 4, 3, 0]


def test_nothing_is_ranked_where_all_diverged() -> None:
    assert ranking([Result(None)] * 3, "quality") == []


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_kendalls_within_rows(seed: int) -> None:
    rng = random.Random(seed)
    row = [(rng.random(), rng.random()) for _ in range(9)]
    tau, pairs = agreement([row])
    assert tau == pytest.approx(stats.kendalltau(*zip(*row, strict=True)).statistic)
    assert pairs == 36
    shifted = [(before + 9, after + 9) for before, after in row]
    assert agreement([row, shifted]) == (tau, 72), "points of two rows are not compared"
    assert agreement([[(1, 1), (1, 2), (2, 3)]]) == (1, 2)
    assert agreement([[(1, 1)], []]) == (0, 0)


def test_the_arrival_lies_on_the_line_between_the_evaluations_around_it() -> None:
    curve = [(10, 1.0), (20, 3.0), (30, 2.0), (40, 5.0)]
    assert arrival(curve, 0.5) == 10, "nothing is known before the first evaluation"
    assert arrival(curve, 2.0) == 15
    assert arrival(curve, 3.0) == 20
    assert arrival(curve, 4.0) == 35, "from the best so far, not from the dip"
    assert arrival(curve, 5.1) is None
    assert arrival([], 0.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_an_arrival_is_that_of_the_running_best_joined_by_lines(seed: int) -> None:
    """By search on a fine grid of steps."""
    rng = random.Random(seed)
    curve = [(step, rng.random()) for step in range(100, 1000, 100)]
    best = [max(q for _, q in curve[: i + 1]) for i in range(len(curve))]
    target = rng.uniform(0.5, 1.0)
    found = arrival(curve, target)
    if best[-1] < target:
        assert found is None
        return

    def running(step: float) -> float:
        if step < 100:
            return -math.inf
        i = min(int(step // 100) - 1, len(curve) - 2)
        return best[i] + (best[i + 1] - best[i]) * (step - 100 * (i + 1)) / 100

    assert found is not None
    assert found == pytest.approx(
        next(s / 8 for s in range(8000) if running(s / 8) >= target), abs=0.2
    )
