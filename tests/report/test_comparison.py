from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.factories import make_curve, make_record, make_spec
from vsebench.report.comparison.text import as_dict, render
from vsebench.report.comparison.verdicts import compare, terms_of
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.results.record import Collapse

REFERENCE = ("mean", "triplet")
COLLAPSE = Collapse(
    step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
)


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
    fallen = Run(make_record(make_spec("max", "triplet", 0), collapse=COLLAPSE))
    failed = [
        Run(make_record(make_spec("gpo", "triplet", seed), status="failed", error="boom", test={}))
        for seed in (1, 2)
    ]
    runs = Section((*section(mean={0: 200.0, 1: 201.0}, gpo={0: 300.0}).runs, fallen, *failed))
    text = " ".join(render(runs, compare(runs, REFERENCE), REFERENCE, terms_of(runs)).split())
    assert "failed runs are in no difference: gpo × triplet (2)." in text
    assert "with the models selected before: max × triplet (1)." in text
    sound = section(mean={0: 200.0}, gpo={0: 300.0})
    assert "Warning" not in render(sound, compare(sound, REFERENCE), REFERENCE, terms_of(sound))


def test_the_table_says_what_its_words_mean():
    runs = section(mean={0: 200.0, 1: 210.0}, gpo={0: 203.0, 1: 213.5}, max={0: math.pi})
    terms = terms_of(runs, margin=1.5)
    text = render(runs, compare(runs, REFERENCE, terms), REFERENCE, terms)
    assert "+3.2" in text
    assert "a loss of 1.5 or more, the margin" in " ".join(text.split())
    assert "1 comparison. A difference of" in text  # of one seed there is no verdict


SOUND = {"best_step": 120, "warmup_steps": 40}
RISING = make_curve([100, 110, 120, 130])
FLAT = make_curve([100, 130, 130, 130])


def with_reference(row, reference=SOUND, *, row_curve=FLAT, reference_curve=FLAT, difference=50.0):
    """Two rows of three seeds; `row` and `reference` change one seed's record."""
    runs = []
    for seed in range(3):
        for pooling, changes, curve, more in (
            ("mean", reference, reference_curve, 0.0),
            ("gpo", row, row_curve, difference),
        ):
            record = make_record(
                make_spec(pooling, "triplet", seed),
                rsum=200.0 + seed + more,
                **(changes if seed == 1 else SOUND),
            )
            runs.append(Run(record, tuple(curve)))
    return Section(tuple(runs))


NO_EVIDENCE = [
    ({"row": SOUND | {"collapse": COLLAPSE}}, ["collapsed"], []),
    ({"row": SOUND | {"best_step": 40}}, ["selected in warm-up"], []),
    ({"row": SOUND, "row_curve": RISING}, ["still rising"], []),
    ({"row": SOUND, "reference_curve": RISING}, [], ["still rising"]),
    ({"row": SOUND, "reference": SOUND | {"collapse": COLLAPSE}}, [], ["collapsed"]),
    (
        {"row": {"best_step": 1, "warmup_steps": 40, "collapse": COLLAPSE}, "row_curve": RISING},
        ["collapsed", "selected in warm-up", "still rising"],
        [],
    ),
]


@pytest.mark.parametrize("difference", [50.0, 0.0, -50.0])
@pytest.mark.parametrize(("changes", "own", "reference"), NO_EVIDENCE)
def test_no_row_is_called_anything_where_one_of_the_two_is_no_evidence(
    changes, own, reference, difference
):
    """The difference and its interval are those that sound rows have."""
    runs = with_reference(**changes, difference=difference)
    (found,) = compare(runs, REFERENCE)
    (sound,) = compare(with_reference(SOUND, difference=difference), REFERENCE)
    assert sound.verdict in ("better", "no worse", "worse")
    assert found.verdict == "no evidence"
    assert found.difference == sound.difference
    said = as_dict(runs, found, terms_of(runs))
    assert (said["verdict"], said["no_evidence"], said["reference_no_evidence"]) == (
        "no evidence",
        own,
        reference,
    )
    text = " ".join(render(runs, [found], REFERENCE, terms_of(runs)).split())
    assert f"no evidence: {', '.join(own) or 'the reference'} Δ" in text
    assert f"{found.difference.mean:+.1f}" in text
    assert ("the reference mean × triplet is no evidence" in text) == bool(reference)


def test_what_no_evidence_means_is_said_only_where_it_occurs():
    runs = with_reference(SOUND)
    assert "no evidence" not in render(runs, compare(runs, REFERENCE), REFERENCE, terms_of(runs))


def test_without_a_common_seed_or_with_one_there_is_no_verdict_either():
    runs = with_reference(SOUND, row_curve=RISING).runs
    alone = Section(tuple(run for run in runs if run.record.spec.seed == 1))
    apart = Section(
        tuple(run for run in runs if (run.record.spec.seed == 1) == (run.combination[0] == "mean"))
    )
    assert [only.verdict for only in compare(alone, REFERENCE)] == ["no evidence"]
    assert [only.verdict for only in compare(apart, REFERENCE)] == ["no common seed"]
