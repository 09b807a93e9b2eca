"""Columns that are asked for, and the figures in them that are bold."""

from __future__ import annotations

import re

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin.errors import SpecError
from vsebench.report.results import load_results
from vsebench.report.statistics.ties import best_rows


@pytest.mark.parametrize("form", ["table", "md", "latex"])
def test_chosen_columns_stand_beside_the_names_with_their_intervals(results, form):
    text = results.table(form, columns=["t2i_r1", "rsum"])
    text = re.sub(r"\*\*([\d.]+)\*\*|\\textbf{([\d.]+)}", r"\1\2", text)
    for row in results.rows:
        for key in ("t2i_r1", "rsum"):
            half = (row[f"{key}_hi"] - row[f"{key}_lo"]) / 2
            between = r" $\pm$" if form == "latex" else " ±"
            assert f"{row[key]:.1f}{between}{half:.1f}" in text
    assert "steps to" not in text
    assert text.index("R@1") < text.index("RSUM")


def test_chosen_columns_keep_the_order_asked_for(results):
    text = results.table(columns=["rsum", "seeds", "i2t_r1"])
    (heads,) = (line for line in text.splitlines() if line.startswith("pooling"))
    assert heads.split() == ["pooling", "loss", "RSUM", "seeds", "R@1"]


@pytest.mark.parametrize(
    ("form", "columns", "message"),
    [
        ("table", ["i2t_r2"], "unknown column 'i2t_r2': did you mean 'i2t_r"),
        ("table", ["rsum", "rsum"], "column 'rsum' is asked for twice"),
        ("table", [""], r"--columns names no column: write some of .*i2t_r1, i2t_r5"),
        ("csv", ["rsum"], "format 'csv' holds every column"),
        ("json", ["rsum"], "format 'json' holds every column"),
    ],
)
def test_columns_that_cannot_be_chosen(results, form, columns, message):
    with pytest.raises(SpecError, match=message):
        results.table(form, columns=columns)


def test_every_number_of_a_row_can_be_a_column(results):
    text = results.table("md", columns=["parameters", "i2t_medr", "peak_memory_mb"])
    row = results.rows[0]
    assert "| pooling | loss | parameters | i2t MedR | peak_memory_mb |" in re.sub(" +", " ", text)
    assert f"{row['parameters']:,}" in text


@pytest.mark.parametrize("key", ["dataset", "no_evidence", "rsum_lo", "failed"])
def test_what_is_no_number_of_a_row_is_no_column(results, key):
    with pytest.raises(SpecError, match=f"unknown column '{key}'"):
        results.table(columns=[key])


def figures_of(results, form, key):
    """The cells of one column, top down."""
    lines = [
        line.strip("| \\").replace("&", "|").split("|")
        for line in results.table(form, columns=[key]).splitlines()
        if re.match(r"\|? ?(gpo|maxavg)", line)
    ]
    return [line[-1].strip() for line in lines]


@pytest.mark.parametrize(("form", "bold"), [("md", "**{}**"), ("latex", r"\textbf{{{}}}")])
def test_the_best_are_bold_with_what_is_not_told_from_them(results, form, bold):
    block = results.blocks[0]
    best = best_rows(block.section, block.section.task.headline, 0.95)
    assert best == {("gpo", "aoq")}
    pm = r" $\pm$" if form == "latex" else " ±"
    for row, cell in zip(results.rows, figures_of(results, form, "rsum"), strict=True):
        figure = f"{row['rsum']:.1f}"
        chosen = (row["pooling"], row["loss"]) in best
        assert cell.split(pm)[0] == (bold.format(figure) if chosen else figure)
    assert "Bold: the best of a column and what is indistinguishable from it" in results.table(form)
    assert "Bold" not in results.table()


@pytest.mark.parametrize("form", ["md", "latex"])
def test_without_rows_that_are_told_apart_nothing_is_bold(tmp_path, form):
    for pooling, rsum in (("gpo", 320), ("max", 300)):
        save(tmp_path, make_record(make_spec(pooling), rsum=rsum), make_curve([rsum]))
    text = load_results(tmp_path).table(form)
    assert "bold" not in text.lower().replace("textbf", "bold")
    assert "**" not in text
