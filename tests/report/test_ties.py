"""Rows with intervals over seeds and images, and which of them cannot be told from the best."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tests.oracles import two_way as oracle
from tests.report.imaged import expected_interval, expected_p, imaged, imaged_section
from vsebench.report.results import Results
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.statistics.means import t_interval
from vsebench.report.statistics.ties import best_rows, ties
from vsebench.report.tables.notes import block_notes
from vsebench.results.tasks import task_named


def made(seed: int, shifts: dict[str, float]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    hard = 40 * rng.normal(size=(1, 50))
    return {
        row: 250 + shift + hard + rng.normal(size=(3, 1)) + 20 * rng.normal(size=(3, 50))
        for row, shift in shifts.items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_all_pairs_are_one_family(seed):
    tables = made(seed, {"mean": 0, "max": 12, "gpo": 14, "kmax": 6, "gem": -30})
    pairs = list(combinations(tables, 2))
    adjusted = oracle.holm(expected_p([tables[a] - tables[b] for a, b in pairs], 5))
    best = max(tables, key=lambda row: tables[row].mean())
    told = {
        (set(pair) - {best}).pop()
        for pair, p in zip(pairs, adjusted, strict=True)
        if best in pair and p <= 0.05
    }
    found = ties(imaged_section(tables), 0.95)
    assert found.best == (best, "triplet")
    assert [row for row, _ in found.untold] == [r for r in tables if r not in told | {best}]
    assert (found.told, found.pairs, found.images) == (len(told), 10, True)
    assert "gem" in told


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_best_rows_are_those_that_no_pair_tells_from_the_best(seed, better):
    tables = made(seed, {"mean": 0, "max": 12, "gpo": 14, "kmax": 6, "gem": -30})
    metric = replace(task_named("retrieval").headline, better=better)
    pairs = list(combinations(tables, 2))
    adjusted = oracle.holm(expected_p([tables[a] - tables[b] for a, b in pairs], 5))
    choose = max if better == "higher" else min
    best = choose(tables, key=lambda row: tables[row].mean())
    worse = {
        (set(pair) - {best}).pop()
        for pair, p in zip(pairs, adjusted, strict=True)
        if best in pair and p <= 0.05
    }
    expected = {(row, "triplet") for row in tables.keys() - worse} if worse else set()
    assert best_rows(imaged_section(tables), metric, 0.95) == expected
    assert worse


def test_no_row_is_best_where_none_is_told_from_another():
    tables = made(1, {"mean": 0, "max": 0.1})
    section = imaged_section(tables)
    assert best_rows(section, section.task.headline, 0.95) == frozenset()
    apart = imaged_section(made(1, {"mean": 0, "max": 90}))
    assert best_rows(apart, section.task.headline, 0.95) == {("max", "triplet")}
    unknown = replace(section.task.headline, better=None)
    assert best_rows(apart, unknown, 0.95) == frozenset()


def test_rows_that_are_no_evidence_or_of_one_seed_stay_out():
    tables = made(0, {"mean": 0, "max": 300, "gpo": 400})
    runs = imaged_section({"mean": tables["mean"], "gpo": tables["gpo"][:1]}).runs
    fallen = [
        imaged("max", seed, values, best_step=10, warmup_steps=40)
        for seed, values in enumerate(tables["max"])
    ]
    assert ties(Section((*runs, *fallen)), 0.95) is None
    more = imaged_section({"kmax": tables["mean"] - 200}).runs
    found = ties(Section((*runs, *fallen, *more)), 0.95)
    assert (found.best, found.untold, found.told) == (("mean", "triplet"), (), 1)


def test_rows_alike_are_not_told_apart():
    table = made(1, {"mean": 0})["mean"]
    found = ties(imaged_section({"mean": table, "max": table}), 0.95)
    assert (found.best, found.untold) == (("mean", "triplet"), (("max", "triplet"),))


def notes(section: Section) -> str:
    return " ".join(block_notes(make_block(section)))


def test_the_footer_names_them():
    apart = notes(imaged_section(made(0, {"mean": 0, "gpo": 500})))
    assert (
        "Distinguishable from the best, gpo × triplet: every row that is evidence, by paired diff"
        in apart
    )
    near = notes(imaged_section(made(0, {"mean": 0, "gpo": 0})))
    assert "No row that is evidence is distinguishable from the best" in near
    assert "over seeds and images, at 5 % by Holm over 1 pair." in near
    mixed = notes(imaged_section(made(0, {"mean": 0, "max": -500, "gpo": 0.1})))
    assert "Indistinguishable from the best, " in mixed
    assert "max × triplet" not in mixed.partition("Not told")[2].partition(";")[0]
    assert "the best" not in notes(imaged_section(made(0, {"mean": 0})))


def test_rows_have_both_intervals():
    tables = made(2, {"mean": 0, "gpo": 5})
    block = make_block(imaged_section(tables))
    for entry, table in zip(block.entries, tables.values(), strict=True):
        row = entry.row
        assert (row["rsum"], row["rsum_lo"], row["rsum_hi"]) == pytest.approx(
            expected_interval(table)
        )
        expected = t_interval(table.mean(axis=1).tolist())
        assert (row["rsum"], row["rsum_seeds_lo"], row["rsum_seeds_hi"]) == pytest.approx(expected)
        half = (row["rsum_hi"] - row["rsum_lo"]) / 2
        assert f"±{half:.1f}" in Results((block,)).table()
    assert "over other seeds and other test images; seeds alone: JSON." in notes(block.section)


def test_rows_whose_images_are_not_known_are_named():
    runs = imaged_section(made(2, {"mean": 0, "gpo": 5})).runs
    section = Section((*runs[:-1], Run(runs[-1].record)))
    block = make_block(section)
    assert [entry.images for entry in block.entries] == [True, False]
    row = block.entries[1].row
    assert (row["rsum_lo"], row["rsum_hi"]) == (row["rsum_seeds_lo"], row["rsum_seeds_hi"])
    assert "Over seeds alone: gpo × triplet." in notes(section)


def test_one_seed_has_no_interval_though_its_images_are_known():
    (entry,) = make_block(imaged_section({"mean": made(0, {"mean": 0})["mean"][:1]})).entries
    assert entry.row["rsum_lo"] is entry.row["rsum_seeds_lo"] is None
