"""Seed variances moderated by their family: Smyth's sums, and the errors that they leave."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.oracles import two_way as oracle
from tests.report.equal_rows import worlds
from vsebench.report.statistics.means import MeanSquares, holm, mean_squares, two_sided, two_way
from vsebench.report.statistics.moderation import fit, moderated

LEVEL = 0.05


def tables(seed: int) -> list[np.ndarray]:
    """A family of differences whose seeds differ by much, by little, and not at all."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(1, 25)) * rng.choice([0, 2])
        + rng.normal(size=(n, 1)) * rng.choice([0, 0.2, 1])
        + rng.normal(size=(n, 25)) * rng.choice([0.5, 1, 3])
        for n in rng.integers(2, 8, size=rng.integers(2, 9))
    ]


def squares_of(table: np.ndarray) -> MeanSquares:
    return mean_squares(table[None])[0]


@pytest.mark.parametrize("seed", range(20))
def test_families_are_those_of_the_oracle(seed):
    family = tables(seed)
    rows = len(family) + 1 if seed % 2 else 3
    found = moderated([squares_of(table) for table in family], rows)
    assert [tuple(each) for each in found] == [
        pytest.approx(each) for each in oracle.moderated([t.tolist() for t in family], rows)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_priors_are_those_of_the_oracle(seed):
    rng = np.random.default_rng(seed)
    df = rng.integers(1, 12, size=rng.integers(2, 20))
    ratios = rng.chisquare(df) / df * np.exp(rng.normal(size=len(df)) * (seed % 3))
    expected = oracle.prior(ratios.tolist(), df.tolist())
    assert tuple(fit(ratios.tolist(), df.tolist())) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("df", "ratio"), [(0.5, 3.0), (4.0, 1.2), (30.0, 10.0)])
def test_the_prior_that_ratios_are_drawn_from_is_found(df, ratio):
    rng = np.random.default_rng(3)
    own = rng.integers(2, 10, size=40_000)
    drawn = ratio * rng.f(own, df)
    assert tuple(fit(drawn.tolist(), own.tolist())) == pytest.approx((df, ratio), rel=0.15)


def test_ratios_that_differ_by_chance_have_one_value():
    assert fit([1.0, 1.1, 1.2], [2, 2, 2]) == (math.inf, pytest.approx(1.1))


def test_what_cannot_be_moderated_stays_as_it_is():
    single, constant = squares_of(tables(0)[0]), squares_of(np.full((3, 25), 2.0))
    assert moderated([single], 2) == [two_way(single)]
    assert moderated([single, constant], 3) == [two_way(single), two_way(constant)]
    assert moderated([], 0) == []
    three = moderated([single, constant, squares_of(tables(1)[0])], 4)
    assert three[1] == two_way(constant)
    assert three[0] != two_way(single)


def test_equal_seeds_do_not_take_the_degrees_of_freedom_of_the_images():
    """What the moderation is for: a mean square of seeds that falls below the rest's by chance."""
    family = worlds(17)["no images"].differences(np.random.default_rng(0), 3)
    low = [i for i, each in enumerate(family) if each.by_seed < each.rest]
    assert low
    after = moderated(family, 17)
    assert all(two_way(family[i]).df > 900 for i in low)
    assert all(after[i].df < 10 and after[i].error >= two_way(family[i]).error for i in low)


def errors(world: str, n: int, rows: int, families: int, *, all_pairs: bool = False) -> float:
    """The share of tables of equal rows in which some row is called different."""
    rng = np.random.default_rng(n)
    made = worlds(rows)[world]
    wrong = 0
    for _ in range(families):
        family = moderated(made.differences(rng, n, all_pairs=all_pairs), rows)
        wrong += min(holm([two_sided(each) for each in family])) <= LEVEL
    return wrong / families


def upper(families: int) -> float:
    """What a true share of 5 % exceeds in one of 200 simulations."""
    return LEVEL + 2.6 * math.sqrt(LEVEL * (1 - LEVEL) / families)


@pytest.mark.parametrize("all_pairs", [False, True], ids=["reference", "all pairs"])
@pytest.mark.parametrize("n", [3, 6, 10])
def test_at_most_one_table_in_twenty_calls_equal_rows_different(n, all_pairs):
    """With Flickr8k's variances: not the share found but its upper bound, over 2,000 tables."""
    tables, rows = 2000, 6 if all_pairs else 17
    wrong = round(tables * errors("flickr8k", n, rows, tables, all_pairs=all_pairs))
    assert binomtest(wrong, tables).proportion_ci(0.95).high <= LEVEL


@pytest.mark.parametrize("world", ["flickr8k", "no images", "one row", "the reference"])
def test_seventeen_equal_rows_are_rarely_called_different(world):
    assert errors(world, 3, 17, 400) <= upper(400)


def test_without_moderation_they_often_are():
    """The defect that the family is moderated for, so that the simulation above can fail."""
    rng = np.random.default_rng(3)
    rows = worlds(17)["no images"]
    found = [
        min(holm([two_sided(two_way(each)) for each in rows.differences(rng, 3)])) <= LEVEL
        for _ in range(400)
    ]
    assert np.mean(found) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("all_pairs", [False, True], ids=["reference", "all pairs"])
@pytest.mark.parametrize("rows", [3, 6, 17])
@pytest.mark.parametrize("n", [3, 6, 10])
@pytest.mark.parametrize("world", worlds(3))
def test_no_mix_of_variances_breaks_the_family_wise_error(world, n, rows, all_pairs):
    families = 500 if all_pairs and rows == 17 else 2000
    assert errors(world, n, rows, families, all_pairs=all_pairs) <= upper(families)


@pytest.mark.parametrize(
    ("n", "shift", "power"),
    [
        (3, 3, 0.01),
        (3, 5, 0.07),
        (6, 3, 0.06),
        (6, 5, 0.32),
        (10, 3, 0.13),
        (10, 5, 0.53),
    ],
)
def test_power_among_seventeen_rows(n, shift, power):
    """How often a row that is truly better by `shift` RSUM is found, with Flickr8k's variances."""
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(1000):
        family = moderated(worlds(17)["flickr8k"].differences(rng, n, shift=shift), 17)
        found += holm([two_sided(each) for each in family])[-1] <= LEVEL
    assert found / 1000 == pytest.approx(power, abs=3 * math.sqrt(power * (1 - power) / 1000))
