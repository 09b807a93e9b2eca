"""Means over seeds, and over seeds and images: the textbook's sums, and what their tests find."""

import math

import numpy as np
import pytest
import scipy.stats

from tests.oracles import two_way as oracle
from tests.report.simulated import DIFFERENCE
from vsebench.report.statistics.means import (
    Estimate,
    above,
    detectable,
    holm,
    interval,
    mean_squares,
    t_interval,
    two_sided,
)
from vsebench.report.statistics.means import two_way as of_squares


def two_way(table: np.ndarray) -> Estimate:
    return of_squares(*mean_squares(table[None]))


TABLES = {
    "random": np.random.default_rng(0).normal(size=(4, 9)),
    "seeds differ": np.random.default_rng(1).normal(size=(3, 30)) + np.arange(3)[:, None] * 5,
    "images differ": np.random.default_rng(2).normal(size=(5, 20)) + np.arange(20) * 4,
    "seeds alike": np.tile(np.random.default_rng(3).normal(size=(1, 12)), (4, 1)),
    "images alike": np.tile(np.arange(6.0)[:, None], (1, 7)),
    "constant": np.full((3, 8), 2.5),
    "two by two": np.array([[0.0, 1.0], [3.0, 1.0]]),
    "one seed": np.random.default_rng(4).normal(size=(1, 15)),
    "shares": np.random.default_rng(5).integers(0, 2, size=(6, 40)) * 100.0,
    "means alike": np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [1.0, 1.0, 1.0]]),
}


@pytest.mark.parametrize("name", TABLES)
def test_sums_of_squares(name: str) -> None:
    found, expected = two_way(TABLES[name]), oracle.two_way(TABLES[name].tolist())
    assert found.mean == pytest.approx(expected[0])
    assert found.error == pytest.approx(expected[1], abs=1e-9)
    if expected[1] > 1e-9:
        assert found.df == pytest.approx(expected[2])


@pytest.mark.parametrize("shape", [(1, 3, 50), (40, 5, 200), (7, 1, 30), (3, 2, 2), (9, 4, 1000)])
def test_many_tables_at_once_are_one_after_the_other_to_the_last_bit(
    shape: tuple[int, int, int],
) -> None:
    tables = np.random.default_rng(shape).normal(40, 30, size=shape)
    assert mean_squares(tables) == [mean_squares(table[None])[0] for table in tables]


def test_seeds_that_are_all_the_spread_leave_students_interval() -> None:
    table = np.tile(np.array([[1.0], [4.0], [2.0]]), (1, 50))
    low, high = scipy.stats.ttest_1samp(table[:, 0], 0).confidence_interval(0.9)
    assert interval(two_way(table), 0.9) == pytest.approx((table.mean(), low, high))


def test_one_seed_has_the_error_of_the_images() -> None:
    row = TABLES["one seed"]
    assert two_way(row).error == pytest.approx(scipy.stats.sem(row[0]))
    assert two_way(row).df == row.shape[1] - 1


@pytest.mark.parametrize("seed", range(10))
def test_equal_seeds_leave_exactly_nothing_but_the_images(seed: int) -> None:
    """A row that does not depend on the seed; dust of rounding would pass for a seed variance."""
    rng = np.random.default_rng(seed)
    row = 100 * rng.random((1, 50))
    (found,) = mean_squares(np.tile(row, (1, int(rng.integers(2, 11)), 1)))
    assert (found.by_seed, found.rest) == (0, 0)
    assert of_squares(found).error == pytest.approx(scipy.stats.sem(row[0]))
    assert of_squares(found).df == 49


def test_p_values_are_those_of_students_test() -> None:
    row = TABLES["one seed"]
    assert two_sided(two_way(row)) == pytest.approx(scipy.stats.ttest_1samp(row[0], 0).pvalue)
    expected = scipy.stats.ttest_1samp(row[0], -0.3, alternative="greater").pvalue
    assert above(two_way(row), -0.3) == pytest.approx(expected)


@pytest.mark.parametrize(("mean", "expected"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)])
def test_a_mean_without_error(mean: float, expected: float) -> None:
    assert two_sided(Estimate(mean, 0.0, 5)) == expected
    assert interval(Estimate(mean, 0.0, 5), 0.95) == (mean, mean, mean)
    assert above(Estimate(mean, 0.0, 5), mean - 1) == 0


@pytest.mark.parametrize("seed", range(20))
def test_holm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.random(rng.integers(1, 9)) ** 2, 1 if seed % 2 else 6).tolist()
    assert holm(values) == pytest.approx(oracle.holm(values))


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


def test_holm_keeps_the_errors_of_a_family() -> None:
    """Sixteen rows as good as their reference: some row is called different in at most 5 % of
    tables by Holm, and far more often by tests one at a time.
    """
    rng = np.random.default_rng(7)
    single, family = [], []
    for _ in range(600):
        reference = DIFFERENCE.table(rng, 6, 60).values / math.sqrt(2)
        rows = (DIFFERENCE.table(rng, 6, 60).values / math.sqrt(2) for _ in range(16))
        p_values = [two_sided(two_way(row - reference)) for row in rows]
        single.append(min(p_values) <= 0.05)
        family.append(min(holm(p_values)) <= 0.05)
    assert np.mean(family) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 600)
    assert np.mean(single) > 0.2


def test_the_detectable_difference_is_found_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(800):
        table = DIFFERENCE.table(rng, 6, 100).values
        truth = 5.0  # what six seeds detect, from the deviations of this world
        found.append(two_sided(two_way(table + truth)) <= 0.05)
    typical = np.median(
        [detectable(two_way(DIFFERENCE.table(rng, 6, 100).values), 0.95) for _ in range(200)]
    )
    assert typical == pytest.approx(5.0, rel=0.2)
    assert 0.7 < np.mean(found) < 0.95


@pytest.mark.parametrize("n", [2, 3, 6, 10])
def test_about_95_percent_of_intervals_hold_the_true_mean(n):
    rng = np.random.default_rng(n)
    trials = 4000
    held = 0
    for _ in range(trials):
        found = t_interval(rng.normal(300, 7, n).tolist())
        held += found.low <= 300 <= found.high
    assert 0.94 < held / trials < 0.96  # three standard errors of 4,000 trials are 1 point


def test_equals_scipy():
    values = [61.2, 60.1, 63.0, 62.4]
    low, high = scipy.stats.t.interval(0.95, 3, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert t_interval(values) == pytest.approx((np.mean(values), low, high))


def test_one_seed_has_no_interval():
    assert t_interval([61.2]) == (61.2, None, None)


def test_equal_values_have_an_interval_without_width():
    assert t_interval([0.1, 0.1, 0.1]) == pytest.approx((0.1, 0.1, 0.1))
