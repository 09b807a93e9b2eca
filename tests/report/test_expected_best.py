"""The best to expect of fewer points, against every subset of them; its bands, and the figure."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

from tests.oracles.halving import expected_best as by_all_subsets
from vsebench.report.figures.tried import search_figure
from vsebench.report.statistics.expected_best import expected_band, expected_best


@pytest.mark.parametrize("n", range(1, 11))
def test_it_is_the_mean_over_all_subsets(n: int) -> None:
    rng = random.Random(n)
    for values in (
        [rng.gauss(200, 50) for _ in range(n)],
        [float(rng.randint(0, 2)) for _ in range(n)],
        [7.0] * n,
    ):
        wanted = [by_all_subsets(values, k) for k in range(1, n + 1)]
        assert expected_best(values) == pytest.approx(wanted)


def test_it_is_unbiased_where_draws_with_replacement_are_not() -> None:
    """Of every sample of three from a fair coin: the best of two is 3/4 on average."""
    samples = [[float(v) for v in sample] for sample in product((0, 1), repeat=3)]
    assert np.mean([expected_best(sample)[1] for sample in samples]) == pytest.approx(0.75)
    replaced = np.mean([max(pair) for sample in samples for pair in product(sample, repeat=2)])
    assert replaced < 0.74


def test_many_points_do_not_overflow() -> None:
    values = list(np.linspace(0, 1, 1100))  # C(1100, 550) is beyond float64
    found = expected_best(values)
    assert found[0] == pytest.approx(0.5)
    assert found[-1] == 1
    assert np.all(np.diff(found) > 0)


def test_the_band_is_that_of_the_bootstrap() -> None:
    """Of three values every resample can be counted: 27, each as likely."""
    values = [1.0, 2.0, 4.0]
    curves = np.array([expected_best(list(sample)) for sample in product(values, repeat=3)])
    found = expected_band(values, 0.9)
    for k in range(3):
        low, high = np.quantile(curves[:, k], [0.05, 0.95])
        assert found.low[k] == pytest.approx(low, abs=0.4)
        assert found.high[k] == pytest.approx(high, abs=0.4)
    assert list(found.mean) == list(expected_best(values))
    again = expected_band(values, 0.9)
    assert list(again.low) == list(found.low)
    wider = expected_band(values, 0.99)
    assert np.all(wider.low <= found.low)
    assert np.all(wider.high >= found.high)


def test_the_band_covers_what_other_points_say() -> None:
    """Of 16 points of one law, for the best of up to four: a bootstrap of so few falls short of its
    level, and the shorter the nearer k comes to n.
    """
    rng = np.random.default_rng(0)
    truth = [1 - 1 / (k + 1) for k in range(1, 5)]  # of k uniform draws
    covered = np.zeros(4)
    for _ in range(200):
        found = expected_band(list(rng.random(16)), 0.95)
        covered += [found.low[k] <= truth[k] <= found.high[k] for k in range(4)]
    assert np.all(covered / 200 >= 0.85)


def test_the_figure_has_a_panel_for_each_data_set_and_a_curve_for_each_row() -> None:
    tried = {
        "scenes": {"gpo × triplet": [1.0, 2.0, 3.0], "mean × triplet": [2.0, 2.0, 0.0]},
        "flickr8k": {"gpo × triplet": [5.0]},
    }
    for panel, (dataset, rows) in zip(
        search_figure(tried, "RSUM").axes, tried.items(), strict=True
    ):
        assert panel.get_title("left") == dataset
        assert panel.get_ylabel() == "expected best dev RSUM"
        assert panel.get_xlabel().startswith("points tried")
        drawn = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
        assert drawn.keys() == rows.keys()
        for row, values in rows.items():
            assert drawn[row] == pytest.approx(expected_best(values))
