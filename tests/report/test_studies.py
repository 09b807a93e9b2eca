"""Rows that were tuned in several studies: the luck of tuning is in their intervals, its price in a
column, and values at the end of a range are named.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.factories import QUICK, make_curve, make_record, make_spec
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import split
from vsebench.report.statistics.estimates import by_seed, of_differences, of_rows
from vsebench.report.tables.formats import Style, render
from vsebench.report.tables.notes import block_notes
from vsebench.results.run_base import Tuning


def run(
    rsum: float, seed: int, study: int = 0, pooling: str = "mean", lr: float = 0.01, **tuning: Any
) -> Run:
    spec = make_spec(
        pooling,
        seed=seed,
        protocol=QUICK.model_copy(update={"lr": lr}),
        protocol_changes={"lr": lr},
        tuned=("lr",),
        tuning=Tuning(study=study, **tuning),
    )
    return Run(make_record(spec, rsum=rsum), tuple(make_curve([rsum])))


def studies(values: Any, pooling: str = "mean") -> list[Run]:
    """Runs with these values, [studies, seeds]."""
    return [
        run(value, seed=study * len(row) + seed, study=study, pooling=pooling)
        for study, row in enumerate(values)
        for seed, value in enumerate(row)
    ]


def test_the_interval_is_students_over_the_means_of_studies() -> None:
    values = [[300.0, 304.0], [310.0, 308.0], [295.0, 297.0]]
    (found,) = of_rows([studies(values)], "rsum")
    assert found is not None
    means = np.mean(values, axis=1)
    half = stats.t.ppf(0.975, 2) * np.std(means, ddof=1) / math.sqrt(3)
    assert found.mean == pytest.approx(means.mean())
    assert found.interval(0.95)[1:] == pytest.approx((means.mean() - half, means.mean() + half))


def test_one_study_is_as_if_there_were_none() -> None:
    values = [300.0, 304.0, 310.0]
    (one,) = of_rows([studies([values])], "rsum")
    (plain,) = of_rows([[run(value, seed) for seed, value in enumerate(values)]], "rsum")
    assert one == plain
    assert one is not None
    assert one.interval(0.95).low is not None


def test_a_difference_is_paired_by_seed_and_counts_studies() -> None:
    ours, theirs = [[5.0, 7.0], [1.0, 1.0]], [[4.0, 4.0], [2.0, 1.0]]
    found = of_differences(*(by_seed(studies(values), "rsum") for values in (ours, theirs)), "rsum")
    assert found is not None
    assert found.mean == pytest.approx((2.0 - 0.5) / 2)
    assert found.seeds is not None
    assert (found.seeds.df, found.seeds.error) == (1, pytest.approx(1.25))


def test_intervals_hold_the_true_mean_where_tuning_is_a_matter_of_luck() -> None:
    """Studies differ by three times what seeds do: counting seeds would cover 70 % or less."""
    rng = np.random.default_rng(0)
    held = naive = 0
    for _ in range(400):
        values = 300 + rng.normal(0, 6, (4, 1)) + rng.normal(0, 2, (4, 3))
        (found,) = of_rows([studies(values)], "rsum")
        assert found is not None
        low, high = found.interval(0.95)[1:]
        assert low is not None
        assert high is not None
        held += low <= 300 <= high
        flat = values.ravel()
        half = stats.t.ppf(0.975, 11) * np.std(flat, ddof=1) / math.sqrt(12)
        naive += abs(flat.mean() - 300) <= half
    assert 0.92 <= held / 400 <= 0.98
    assert naive / 400 < 0.8


def test_a_table_has_the_price_of_tuning_and_names_what_lies_at_an_end() -> None:
    runs = [
        run(300, 0, 0, lr=0.01, configurations=16, seconds=100.0),
        run(310, 1, 1, lr=0.02, configurations=16, seconds=300.0, tuned_at_edge=("lr",)),
        run(305, 0, 0, pooling="max", configurations=16, seconds=50.0),
        run(306, 1, 1, pooling="max", configurations=16, seconds=50.0),
    ]
    block = make_block(split(runs)[0])
    assert [entry.row["tuning_seconds"] for entry in block.entries] == [200, 50]
    assert [entry.tuned["lr"] for entry in block.entries] == ["0.01/0.02", 0.01]
    assert block.entries[0].row["protocol"] == "quick:lr=0.01/0.02"
    text = render([block], [], Style("md"))
    heads = [cell.strip() for cell in text.splitlines()[2].split("|")]
    assert "tuning s" in heads
    assert heads.index("tuning s") == heads.index("total s") + 1
    notes = " ".join(block_notes(block))
    assert "Tuned at an edge: the best value lies at an end of the range" in notes
    assert "may hold better: mean × triplet (lr)." in notes
    assert "Rows were tuned in 2 independent studies" in notes


def test_a_table_without_tuning_has_none_of_it() -> None:
    plain = [Run(make_record(make_spec(), rsum=300), tuple(make_curve([300])))]
    known = [run(300, 0)]
    for runs in (plain, known):
        block = make_block(split(runs)[0])
        assert block.entries[0].row["tuning_seconds"] is None
        assert "tuning" not in render([block], [], Style("md")).splitlines()[2]
        assert not any("study" in note or "edge" in note for note in block_notes(block))
