"""Comparisons over seeds and images at once, judged as one family."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.factories import make_record, make_spec, save
from tests.oracles import two_way as oracle
from tests.report.imaged import expected_interval, expected_p, imaged, imaged_section
from vsebench.report.comparison.text import as_dict, render
from vsebench.report.comparison.verdicts import compare, compare_all, terms_of
from vsebench.report.rows.runs import Run, read_runs
from vsebench.report.rows.sections import Section, split
from vsebench.report.statistics.contributions import recalls
from vsebench.results.folder.store import Store

REFERENCE = ("mean", "triplet")
SHIFTS = {"mean": 0.0, "max": 60.0, "maxavg": 25.0, "gpo": 1.0, "gem": -70.0, "kmax": -8.0}


@pytest.fixture
def tables():
    """Six rows of four seeds and 60 images, from far ahead to far behind."""
    rng = np.random.default_rng(7)
    hard = 40 * rng.normal(size=(1, 60))
    return {
        pooling: 250 + shift + hard + rng.normal(size=(4, 1)) + 30 * rng.normal(size=(4, 60))
        for pooling, shift in SHIFTS.items()
    }


def words(section, found, terms, family=None):
    return " ".join(render(section, found, REFERENCE, terms, family).split())


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("margin", [2.0, 40.0])
def test_verdicts_are_those_of_the_oracle(tables, level, margin):
    section = imaged_section(tables)
    terms = terms_of(section, margin=margin, level=level)
    found = compare(section, REFERENCE, terms)
    differences = {row: table - tables["mean"] for row, table in tables.items() if row != "mean"}
    p = oracle.holm(expected_p(list(differences.values()), 6))
    no_worse = oracle.holm(expected_p(list(differences.values()), 6, -margin))
    for each, (row, table), p_row, loss in zip(
        found, differences.items(), p, no_worse, strict=True
    ):
        assert each.combination == (row, "triplet")
        assert each.images
        assert each.difference == pytest.approx(expected_interval(table, level))
        low, high = stats.ttest_1samp(table.mean(axis=1), 0).confidence_interval(level)
        assert each.over_seeds == pytest.approx((table.mean(), low, high))
        assert (each.tests.adjusted, each.tests.no_worse_adjusted) == pytest.approx((p_row, loss))
        differs = p_row <= 1 - level
        assert each.verdict == (
            "better"
            if differs and table.mean() > 0
            else "no worse"
            if loss <= (1 - level) / 2
            else "worse"
            if differs
            else "undecided"
        )
    assert {each.verdict for each in found} > {"better", "worse"}


def test_json_holds_both_intervals_and_what_the_tests_say(tables):
    section = imaged_section(tables)
    terms = terms_of(section)
    first = compare(section, REFERENCE, terms)[0]
    said = as_dict(section, first, terms)
    assert (said["difference_lo"], said["difference_hi"]) == first.difference[1:]
    assert (said["difference_seeds_lo"], said["difference_seeds_hi"]) == first.over_seeds[1:]
    assert said["images"] is True
    assert 0 < said["p"] < said["p_adjusted"]
    assert said["p_no_worse"] < said["p_no_worse_adjusted"]
    assert said["detectable"] > 0


def test_what_would_be_found_is_at_the_strictest_level_of_the_family(tables):
    section = imaged_section(tables)
    found = compare(section, REFERENCE)
    differences = [(table - tables["mean"]).tolist() for table in tables.values()][1:]
    _, error, df = oracle.moderated(differences, 6)[0]
    strictest = 1 - 0.05 / 5
    expected = error * (stats.t.ppf(0.5 + strictest / 2, df) + stats.t.ppf(0.8, df))
    assert found[0].tests.detectable == pytest.approx(expected)
    median = np.median([each.tests.detectable for each in found])
    text = words(section, found, terms_of(section))
    assert "5 comparisons, p and verdicts corrected by Holm." in text
    assert f"A difference of {median:.1f} RSUM, the only one, is found with 80 % prob" in text
    assert "for other seeds and other images of the same kind, each at 95 %" in text


def test_sections_that_are_printed_together_are_one_family(tables):
    section = imaged_section(tables)
    terms = terms_of(section)
    once, twice = compare_all([(section, terms)] * 2, REFERENCE)
    differences = [table - tables["mean"] for row, table in tables.items() if row != "mean"]
    p = oracle.holm(expected_p(differences, 6) * 2)
    assert [each.tests.adjusted for each in (*once, *twice)] == pytest.approx(p)
    assert "10 comparisons, p and verdicts" in words(section, once, terms, family=10)


def test_equal_rows_are_rarely_called_different():
    """Of 100 tables of 9 equal rows, one in twenty may have a verdict of a difference; uncorrected,
    more than one in eight would.
    """
    rng = np.random.default_rng(0)
    corrected = uncorrected = 0
    for _ in range(100):
        hard = 5 * rng.normal(size=(1, 30))
        names = ["mean", *(f"p{i}" for i in range(8))]
        rows = {
            name: hard + 0.2 * rng.normal(size=(6, 1)) + rng.normal(size=(6, 30)) for name in names
        }
        section = imaged_section(rows)
        found = compare(section, REFERENCE, terms_of(section, margin=0))
        corrected += any(each.verdict in ("better", "worse") for each in found)
        uncorrected += any(each.tests.p <= 0.05 for each in found)
    assert corrected / 100 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)
    assert uncorrected / 100 > 0.125


def test_identical_rows_are_no_worse_and_nothing_else(tables):
    section = imaged_section({"mean": tables["mean"], "gpo": tables["mean"]})
    (found,) = compare(section, REFERENCE)
    assert found.difference == found.over_seeds == (0, 0, 0)
    assert (found.tests.p, found.tests.no_worse, found.verdict) == (1, 0, "no worse")
    assert found.tests.detectable == 0
    (strict,) = compare(section, REFERENCE, terms_of(section, margin=0))
    assert strict.verdict == "undecided"


@pytest.mark.parametrize(("value", "verdict"), [(260.0, "better"), (240.0, "worse")])
def test_rows_without_any_spread(value, verdict):
    section = imaged_section({"mean": np.full((3, 5), 250.0), "gpo": np.full((3, 5), value)})
    (found,) = compare(section, REFERENCE)
    assert found.difference == (value - 250, value - 250, value - 250)
    assert (found.tests.p, found.verdict) == (0, verdict)


def test_one_seed_is_no_interval_though_its_images_are_known(tables):
    section = imaged_section({row: tables[row][:1] for row in ("mean", "max")})
    (found,) = compare(section, REFERENCE)
    assert (found.verdict, found.tests, found.images) == ("one seed", None, False)
    assert found.difference[1:] == found.over_seeds[1:] == (None, None)
    text = words(section, [found], terms_of(section))
    assert "No comparison has a verdict." in text
    assert "seeds only" not in text


@pytest.mark.parametrize("missing", ["no values", "other images"])
def test_where_one_run_has_other_images_or_none_the_seeds_decide(tables, missing):
    runs = list(imaged_section(tables).runs)
    at = next(i for i, run in enumerate(runs) if run.combination[0] == "max") + 3
    values = np.full(59, tables["max"][3].mean())
    runs[at] = Run(runs[at].record) if missing == "no values" else imaged("max", 3, values)
    section = Section(tuple(runs))
    first, *others = compare(section, REFERENCE)
    table = tables["max"] - tables["mean"]
    expected = stats.ttest_1samp(table.mean(axis=1), 0)
    assert not first.images
    assert first.difference == first.over_seeds
    assert first.difference[1:] == pytest.approx(tuple(expected.confidence_interval()))
    assert first.tests.p == pytest.approx(expected.pvalue)
    assert all(each.images for each in others)
    text = render(section, [first, *others], REFERENCE, terms_of(section))
    line = next(line for line in text.splitlines() if line.startswith("max "))
    assert "–" in line.split()
    assert "–: it is not known of every run what each image contributed; the" in text


def test_one_seed_has_no_interval_and_that_is_said(tables):
    section = imaged_section({row: table[:1] for row, table in tables.items()})
    terms = terms_of(section)
    text = words(section, compare(section, REFERENCE, terms), terms)
    assert "a single seed in common gives none. Add seeds." in text
    assert "Student's" not in text


def test_a_metric_whose_values_by_image_are_not_kept_is_compared_over_seeds(tables):
    section = imaged_section(tables)
    terms = terms_of(section, metric="i2t_r1")
    found = compare(section, REFERENCE, terms)
    assert not any(each.images for each in found)
    assert "Student's, for other seeds on this test split" in words(section, found, terms)


def test_runs_on_disk_are_compared_by_their_ranks(tmp_path):
    rng = np.random.default_rng(3)
    contributed = {}
    owners = np.arange(100) // 5
    for pooling, worst in (("mean", 30), ("gpo", 9)):
        for seed in range(3):
            i2t, t2i = rng.integers(0, worst, 20), rng.integers(0, worst, 100)
            found = recalls({"i2t": i2t, "t2i": t2i, "text_to_image": owners})
            contributed.setdefault(pooling, []).append(found["rsum"])
            record = make_record(
                make_spec(pooling, "triplet", seed),
                test={key: float(values.mean()) for key, values in found.items()},
            )
            save(tmp_path, record)
            Store(tmp_path).directory_for(record.spec).write_ranks(i2t, t2i, owners)
    (section,) = split(read_runs(tmp_path).ended)
    (found,) = compare(section, REFERENCE)
    table = np.subtract(contributed["gpo"], contributed["mean"])
    assert found.images
    assert found.difference == pytest.approx(expected_interval(table))
