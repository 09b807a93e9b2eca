"""Figures of speed: mean curves, their bands, and panels."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from scipy import stats

from tests.report.timed import FAST, NEVER, SLOW, run, table
from vsebench.report.figures.curves import (
    draw_arrivals,
    frame,
    mean_curve,
    speed_curves,
)
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.speed.speedup import speed_table
from vsebench.results.run_base import Tuning


def test_curves_are_means_at_the_steps_that_all_have():
    curve = mean_curve(
        [run("uniform", 0, (0.1, 0.2, 0.3)), run("uniform", 1, (0.3, 0.4), seconds=4.0)]
    )
    assert curve.over == {"steps": [10, 20], "seconds": [3, 6]}
    assert curve.quality == pytest.approx([0.2, 0.3])
    assert curve.low[0] < 0.2 < curve.high[0]
    assert mean_curve([]).quality == []


def test_bands_of_rows_of_several_studies_are_over_studies():
    runs = []
    for seed, end in enumerate((0.3, 0.4, 0.5, 0.8)):
        one = run("uniform", seed, (0.1, end))
        spec = one.record.spec.model_copy(update={"tuning": Tuning(study=seed // 2)})
        runs.append(Run(one.record.model_copy(update={"spec": spec}), one.curve))
    curve = mean_curve(runs)
    ends = stats.ttest_1samp([0.35, 0.65], 0).confidence_interval(0.95)
    assert (curve.low[1], curve.high[1]) == pytest.approx(tuple(ends))


def test_figures_of_speed_are_over_cpu_seconds_where_runs_have_them():
    one = run("uniform", 0, SLOW)
    points = tuple(e.model_copy(update={"cpu_seconds": 0.5 * e.seconds}) for e in one.curve)
    timed = Run(one.record, points)
    found = mean_curve([timed], units=("seconds", "cpu seconds")).over
    assert found == {"seconds": [2, 4, 6, 8], "cpu seconds": [1, 2, 3, 4]}
    panel = Figure().subplots()
    draw_arrivals(panel, replace(speed_table(Section((timed,))), cpu=True))
    assert panel.get_xlabel() == "CPU seconds of training"
    (line,) = panel.get_lines()
    assert 3 < line.get_xdata()[-1] < 4  # at 95 % of its best
    draw_arrivals(panel, speed_table(Section((timed,))))
    assert panel.get_xlabel() == "seconds of training"


def test_a_figure_has_three_panels_and_a_curve_for_each_row():
    figure = speed_curves([table(uniform=SLOW, dns=NEVER, vse_ens=FAST)])
    left, middle, right = figure.axes
    assert [panel.get_xlabel() for panel in (left, middle, right)] == [
        "updates",
        "seconds of training",
        "seconds of training",
    ]
    named = [line.get_label() for line in left.get_lines()]
    assert named[:3] == ["uniform × hinge", "dns × hinge", "vse-ens × hinge"]


@pytest.mark.parametrize(
    ("over", "slowest", "scale"),
    [("seconds", 99.0, "linear"), ("seconds", 101.0, "log"), ("updates", 101.0, "linear")],
)
def test_seconds_far_apart_are_on_a_logarithmic_scale(over: str, slowest: float, scale: str):
    panel = Figure().subplots()
    for end in (10.0, slowest):
        panel.plot([1.0, end], [0.1, 0.2])
    panel.plot([], [])
    frame(panel, over, target=0.15)
    assert panel.get_xscale() == scale
