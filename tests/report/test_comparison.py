from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.factories import make_record, make_spec
from vsebench.report.comparison import compare, render
from vsebench.report.runs import Run
from vsebench.report.sections import Section
from vsebench.results.record import Collapse

REFERENCE = ("mean", "triplet")


def section(**rsums: dict[int, float]) -> Section:
    return Section(
        tuple(
            Run(make_record(make_spec(pooling, "triplet", seed), rsum=rsum))
            for pooling, by_seed in rsums.items()
            for seed, rsum in by_seed.items()
        )
    )


def only(**rsums: dict[int, float]):
    (found,) = compare(section(**rsums), REFERENCE)
    return found


def test_the_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(250, 9, size=6), rng.normal(255, 9, size=6)
    found = only(mean=dict(enumerate(a)), gpo=dict(enumerate(b)))
    expected = stats.ttest_rel(b, a).confidence_interval()
    assert found.difference is not None
    assert found.difference == pytest.approx((np.mean(b - a), expected.low, expected.high))


def test_pairs_are_made_by_seed_not_by_order():
    found = only(mean={0: 100.0, 1: 200.0, 2: 300.0}, gpo={2: 301.0, 0: 101.0, 1: 201.0, 7: 9.0})
    assert found.seeds == (0, 1, 2)
    assert found.difference == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((3.0, 3.1, 3.2), "better"),
        ((0.0, 0.1, -0.1), "no worse"),
        ((-1.0, -1.1, -0.9), "no worse"),  # below 0 for sure, and within the margin
        ((-9.0, -9.1, -9.2), "worse"),
        ((-9.0, 0.0, 9.0), "undecided"),
        ((-2.0, -2.0, -2.0), "worse"),  # exactly the margin is not above it
    ],
)
def test_verdicts(differences, verdict):
    assert (
        only(
            mean=dict.fromkeys(range(3), 200.0), gpo={i: 200 + d for i, d in enumerate(differences)}
        ).verdict
        == verdict
    )


def test_one_seed_or_none_decides_nothing():
    alone = only(mean={0: 200.0}, gpo={0: 300.0})
    assert (alone.verdict, alone.difference.mean, alone.difference.low) == (
        "one seed",
        pytest.approx(100),
        None,
    )
    apart = only(mean={0: 200.0}, gpo={1: 300.0})
    assert (apart.verdict, apart.difference) == ("no common seed", None)


def test_a_failed_run_is_no_pair():
    runs = section(mean={0: 200.0, 1: 201.0}, gpo={0: 300.0}).runs
    failed = Run(
        make_record(make_spec("gpo", "triplet", 1), status="failed", error="boom", test={})
    )
    (found,) = compare(Section((*runs, failed)), REFERENCE)
    assert found.seeds == (0,)


def test_failed_and_collapsed_runs_are_said():
    collapse = Collapse(
        step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
    )
    fallen = Run(make_record(make_spec("max", "triplet", 0), collapse=collapse))
    failed = [
        Run(make_record(make_spec("gpo", "triplet", seed), status="failed", error="boom", test={}))
        for seed in (1, 2)
    ]
    runs = Section((*section(mean={0: 200.0, 1: 201.0}, gpo={0: 300.0}).runs, fallen, *failed))
    text = " ".join(render(runs, compare(runs, REFERENCE), REFERENCE, 2.0).split())
    assert "failed runs are in no difference: gpo × triplet (2)." in text
    assert "with the models selected before: max × triplet (1)." in text
    sound = section(mean={0: 200.0}, gpo={0: 300.0})
    assert "Warning" not in render(sound, compare(sound, REFERENCE), REFERENCE, 2.0)


def test_the_table_says_what_its_words_mean():
    runs = section(mean={0: 200.0, 1: 210.0}, gpo={0: 203.0, 1: 213.5}, max={0: math.pi})
    text = render(runs, compare(runs, REFERENCE, 1.5), REFERENCE, 1.5)
    assert "+3.2" in text
    assert "above −1.5, the margin" in text
    assert "2 comparisons" in text
