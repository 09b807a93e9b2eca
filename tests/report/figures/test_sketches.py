from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.factories import make_curve, make_record, make_spec
from vsebench.report.figures.curves import mean_curve
from vsebench.report.figures.sketches import front, points, sketches
from vsebench.report.leaderboard.board import boards
from vsebench.report.rows.runs import Run
from vsebench.report.speed.learning_curve import clock_of, knows


def run(pooling="mean", seed=0, *, cpu=False, rsum=300.0, steps=4, **cost):
    curve = make_curve([100.0] * steps)
    if cpu:
        curve = [e.model_copy(update={"cpu_seconds": e.seconds / 2}) for e in curve]
        cost = {
            "train_cpu_seconds": 20.0,
            "mining_cpu_seconds": 1.0,
            "prior_cpu_seconds": 3.0,
            **cost,
        }
    record = make_record(
        make_spec(pooling, seed=seed), cost=cost, rsum=rsum + seed, steps=10 * steps
    )
    return Run(record, tuple(curve))


@pytest.mark.parametrize("seed", range(30))
def test_the_front_is_what_no_other_beats(seed):
    rng = np.random.default_rng(seed)
    pairs = [tuple(map(float, rng.integers(0, 6, 2))) for _ in range(int(rng.integers(0, 12)))]
    expected = {
        one
        for one in pairs
        if not any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in pairs)
    }
    assert front(pairs) == expected


def test_costs_at_steps_count_what_a_method_needs_first():
    first = run(cpu=True, prior_seconds=5.0, mining_seconds=1.0)
    second = run(seed=1, cpu=True)
    found = mean_curve([first, second], units=("steps", "seconds", "cpu seconds", "forwards")).over
    assert found["steps"] == [10, 20, 30, 40]
    assert found["seconds"][::2] == [(8 + 2) / 2, (12 + 6) / 2]
    assert found["cpu seconds"][::2] == [5, 7]
    assert found["forwards"][::3] == [10240, 40960]


def test_cpu_seconds_count_only_where_every_run_has_them():
    assert clock_of([run(cpu=True)]) == "cpu seconds"
    assert clock_of([run(cpu=True), run(seed=1)]) == "seconds"
    assert not knows(run(tower_forwards=0), "forwards")
    units = [
        [point.unit for point in points(boards(runs)[0])]
        for runs in ([run(cpu=True)], [run(cpu=True), run("max")])
    ]
    assert units == [["cpu seconds"], ["seconds", "seconds"]]


def test_rows_that_are_no_evidence_are_not_on_the_front():
    best = run("gpo", rsum=400.0, train_seconds=1.0)
    rising = Run(best.record, tuple(make_curve([100, 120, 140, 200])))
    found = points(boards([rising, run("max"), run("mean", rsum=200.0)])[0])
    assert {(point.row, point.evidence, point.front) for point in found} == {
        (0, True, True),
        (1, True, False),
        (2, False, False),
    }


def test_the_dearest_row_lies_within_the_panel():
    board = boards([run(train_seconds=60.0), run("max", train_seconds=70.0)])[0]
    panel = Figure().add_subplot()
    sketches(board)[-1].draw(panel)
    left, right = panel.get_xlim()
    assert (left, right > 1.02 * max(point.cost for point in points(board))) == (0.0, True)
