"""All pairs at once against one pair after the other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.report.imaged import imaged_section
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.statistics.means import holm
from vsebench.report.statistics.pairs import all_pairs
from vsebench.report.statistics.ties import differences


def section(case: int, rows: int) -> Section:
    """Rows of two to four seeds, two of them alike, on the same hard and easy images."""
    rng = np.random.default_rng(case)
    hard = 40 * rng.normal(size=(1, 50))
    tables = {}
    for row in range(rows):
        seeds = int(rng.integers(2, 5))
        own = rng.normal(size=(seeds, 1)) + 20 * rng.normal(size=(seeds, 50))
        tables[f"r{row}"] = 250 + 5 * rng.normal() + hard + own
    tables["alike"] = tables["r0"].copy()
    for row in range(2):  # whatever their seed
        tables[f"fixed{row}"] = np.tile(250 + hard + 5 * rng.normal(size=(1, 50)), (3, 1))
    return imaged_section(tables)


def equal_to_pair_by_pair(held: Section) -> None:
    rows = {row: {run.record.spec.seed: run for run in runs} for row, runs in held.rows.items()}
    names, found = [*rows], all_pairs([*rows.values()], "rsum")
    adjusted = dict(
        zip(
            ((names[a], names[b]) for a, b in zip(found.first, found.second, strict=True)),
            zip(holm(found.p.tolist()), found.images, strict=True),
            strict=True,
        )
    )
    one_by_one = differences(held)
    assert {(each.row, each.other) for each in one_by_one} == adjusted.keys()
    for each in one_by_one:
        p, images = adjusted[each.row, each.other]
        assert_allclose(p, each.p, rtol=1e-9, atol=1e-14)
        assert images == each.estimates.images


@pytest.mark.parametrize("case", range(10))
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_all_at_once_is_one_after_the_other(case: int, rows: int) -> None:
    equal_to_pair_by_pair(section(case, rows))


@pytest.mark.parametrize("apart", [0.0, 1e-9, 1e-6, 1e-3, 0.1])
def test_rows_that_are_nearly_alike_are_told_as_well(apart: float) -> None:
    rng = np.random.default_rng(5)
    table = 250 + 40 * rng.normal(size=(3, 50))
    tables = {f"r{i}": table + apart * rng.normal(size=table.shape) for i in range(4)}
    equal_to_pair_by_pair(imaged_section(tables | {"other": table[::-1] + 1}))


def test_rows_whose_images_are_not_known_are_tested_over_seeds() -> None:
    held = section(4, 5)
    runs = [Run(run.record) if i % 3 == 0 else run for i, run in enumerate(held.runs)]
    equal_to_pair_by_pair(Section(tuple(runs)))


def test_rows_of_one_common_seed_are_not_tested() -> None:
    (_, first), (_, second), *_ = [
        (row, {run.record.spec.seed: run for run in runs})
        for row, runs in section(0, 1).rows.items()
    ]
    apart = {0: second[0], 9: second[1]}
    assert len(all_pairs([first, apart], "rsum").p) == 0
