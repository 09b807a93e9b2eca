"""Which rows are no evidence, against an exact oracle and case by case."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from tests.factories import (
    make_annotation_spec,
    make_curve,
    make_record,
    make_spec,
)
from tests.oracles import evidence as oracle
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.evidence import (
    COLLAPSED,
    RISE,
    RISING,
    WARM_UP,
    late_rise,
    no_evidence,
    spoiled,
)
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.tables.layout import whole
from vsebench.results.record import Collapse, Evaluation

COLLAPSE = Collapse(
    step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
)
FLAT = (100, 200, 200, 200, 200)


def run(seed: int = 0, *, curve: Any = FLAT, **changes: Any) -> Run:
    return Run(make_record(make_spec(seed=seed), **changes), tuple(make_curve(curve)))


def at_steps(points: list[tuple[int, int]]) -> Run:
    """A run evaluated at these steps."""
    curve = [
        Evaluation(step=step, epoch=0, seconds=0, loss=0, lr=0, metrics={"rsum": quality})
        for step, quality in points
    ]
    return Run(make_record(), tuple(curve))


@pytest.mark.parametrize("seed", range(200))
def test_what_a_row_gains_late_is_what_exact_arithmetic_says(seed: int):
    """Curves that fall, stand still and jump, at uneven steps, of a few seeds."""
    draw = random.Random(seed)
    curves = []
    for _ in range(draw.randint(1, 4)):
        steps = sorted(draw.sample(range(1, 41), draw.randint(0, 8)))
        curves.append([(step, draw.choice([0, 3, 50, 51, 100])) for step in steps])
    expected = oracle.late_rise(curves)
    found = late_rise([at_steps(curve) for curve in curves])
    assert found == (None if expected is None else pytest.approx(float(expected), abs=1e-12))


def test_a_row_that_gains_exactly_the_share_has_converged():
    whole, more = [(30, 99), (40, 100)], [(30, 98), (40, 100)]
    assert oracle.late_rise([whole]) == Fraction(1, 100)
    assert Fraction(1, 100) == Fraction(str(RISE))
    assert no_evidence([at_steps(whole)]) == ()
    assert no_evidence([at_steps(more)]) == (RISING,)


def test_what_falls_again_has_converged_even_where_it_ends_on_a_rise():
    assert no_evidence([at_steps([(10, 90), (20, 100), (30, 40), (40, 99)])]) == ()


def test_quality_between_two_evaluations_lies_on_their_line():
    """A run of two evaluations gained half of the second half's rise in the last quarter."""
    assert late_rise([at_steps([(20, 80), (40, 100)])]) == pytest.approx(0.1)


@pytest.mark.parametrize("points", [[], [(40, 100)], [(31, 10), (40, 100)]])
def test_a_curve_that_begins_in_its_last_quarter_tells_nothing(points: list[tuple[int, int]]):
    assert late_rise([at_steps(points)]) is None
    assert no_evidence([at_steps(points)]) == ()
    known = at_steps([(30, 98), (40, 100)])
    assert late_rise([at_steps(points), known]) == late_rise([known])


def test_seeds_are_judged_together_by_their_mean():
    rising, falling = at_steps([(30, 98), (40, 100)]), at_steps([(30, 100), (40, 90)])
    assert no_evidence([rising]) == (RISING,)
    assert no_evidence([rising, falling]) == ()
    assert no_evidence([rising, falling, rising]) == (RISING,)


def test_one_collapsed_seed_spoils_a_row_and_a_failed_one_does_not():
    assert no_evidence([run(0), run(1)]) == ()
    assert no_evidence([run(0), run(1, collapse=COLLAPSE)]) == (COLLAPSED,)
    failed = run(1, curve=(1, 2), status="failed", best_step=1, warmup_steps=9)
    assert no_evidence([run(0), failed]) == ()
    assert no_evidence([failed]) == ()


@pytest.mark.parametrize(
    ("changes", "early"),
    [
        ({"best_step": 40, "warmup_steps": 40}, True),
        ({"best_step": 41, "warmup_steps": 40}, False),
        ({"best_step": 1, "warmup_steps": 0}, False),
        ({"best_step": None, "warmup_steps": 40}, False),
        # Records that do not say: one epoch of the protocol has 40 steps
        ({"best_step": 40, "warmup_steps": None}, True),
        ({"best_step": 41, "warmup_steps": None}, False),
    ],
)
def test_a_best_model_of_the_warm_up_knows_nothing_of_the_loss(
    changes: dict[str, Any], early: bool
):
    reasons = (WARM_UP,) if early else ()
    assert spoiled(run(**changes)) == reasons
    assert no_evidence([run(), run(1, **changes)]) == reasons


def test_a_warm_up_with_the_rows_own_loss_is_training():
    record = make_record(make_spec(loss="sum-hinge"), best_step=1, warmup_steps=40)
    assert spoiled(Run(record)) == ()


def test_labels_are_ranked_without_a_warm_up_and_judged_by_map():
    curve = [
        Evaluation(step=step, epoch=0, seconds=0, loss=0, lr=0, metrics={"map": quality})
        for step, quality in ((30, 0.2), (40, 0.25))
    ]
    record = make_record(make_annotation_spec(), best_step=1, test={"map": 0.2})
    assert no_evidence([Run(record, tuple(curve))]) == (RISING,)


def test_every_reason_has_a_mark_of_its_own_and_stands_in_one_order():
    worst = run(curve=(1, 2, 3, 4), collapse=COLLAPSE, best_step=1, warmup_steps=40)
    block = make_block(Section((worst,)))
    (entry,) = block.entries
    assert entry.no_evidence == (COLLAPSED, WARM_UP, RISING)
    assert entry.row["no_evidence"] == ["collapsed", "selected in warm-up", "still rising"]
    (cells,) = whole(block).body
    assert [cell for cell in cells if "†" in cell] == ["300.0 †‡↑"]
