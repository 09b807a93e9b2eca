"""A metric is declared once: what a test adds here appears everywhere."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from typer.testing import CliRunner

from tests.factories import make_record, make_spec, metrics, save
from vsebench.annotation.metrics import AnnotationMetrics
from vsebench.cli.app import app
from vsebench.plugin.metrics import HEADLINE, METRICS, Metric, keys, named
from vsebench.report.results import load_results
from vsebench.report.tables.layout import whole
from vsebench.results.record import Column
from vsebench.retrieval.ranking.metrics import RetrievalMetrics
from vsebench.retrieval.task import RETRIEVAL

R_PREC = Metric(
    "i2t_rprec",
    "R-Prec",
    "Share of an image's captions among as many first ones.",
    over="i2t",
    places=3,
)
WORST = Metric("worst", "Worst", "Largest rank from 1.", places=0, better="lower", margin=4.0)


@pytest.fixture
def folder(tmp_path):
    """Two rows; `gpo` has the higher RSUM and R-Precision, and lower ranks, as a plugin has it."""
    for seed in range(3):
        for pooling, more in (("mean", 0.0), ("gpo", 5.0)):
            added = {"i2t_rprec": 0.25 + more / 100 + seed / 1000, "worst": 90 - 2 * more - seed}
            column = Column(value=more + seed, source="acme 1.0")
            record = make_record(
                make_spec(pooling, seed=seed),
                test=metrics(300.0 + more + seed) | added,
                columns={"acme_r1": column},
            )
            save(tmp_path, record)
    return tmp_path


@pytest.fixture
def added(monkeypatch):
    changed = replace(RETRIEVAL, metrics=(*RETRIEVAL.metrics, R_PREC, WORST))
    monkeypatch.setattr("vsebench.retrieval.task.RETRIEVAL", changed)


def said(*arguments: object) -> str:
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.mark.usefixtures("added")
def test_an_added_metric_is_in_every_table(folder):
    results = load_results(folder)
    text, markdown = results.table(width=200), results.table("md")
    assert ("i2t", "R-Prec") in whole(results.blocks[0]).heads
    assert "| i2t R-Prec |" in " ".join(markdown.split())
    assert "0.301" in text
    assert "0.301" in markdown
    assert "0.301 ±0.002" in results.table("md", columns=["i2t_rprec"]).replace("*", "")
    rows = json.loads(results.table("json"))["rows"]
    (row,) = (row for row in rows if row["pooling"] == "gpo")
    assert row["i2t_rprec"] == pytest.approx(0.301)
    assert row["i2t_rprec_lo"] < 0.301 < row["i2t_rprec_hi"]
    assert "i2t_rprec_lo" in results.table("csv").splitlines()[0]
    page = results.page()
    assert 'data-key="i2t_rprec"' in page
    assert R_PREC.about.replace("'", "&#39;") in page
    assert "Largest rank from 1. Lower is better." in page


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("metric", "difference", "verdict"),
    [
        ("rsum", "+5.0", "better"),
        ("i2t_rprec", "+0.050", "better"),
        ("worst", "-10", "better"),
        ("acme_r1", "+5", "higher"),
    ],
)
def test_any_metric_is_compared_by_its_own_direction(folder, metric, difference, verdict):
    text = said("compare", folder, "--to", "mean,triplet", "--metric", metric)
    (line,) = (line for line in text.splitlines() if line.startswith("gpo"))
    assert line.split()[3] == difference
    assert line.endswith(verdict)
    back = json.loads(
        said("compare", folder, "--to", "gpo,triplet", "--metric", metric, "--format", "json")
    )["comparisons"][0]
    assert back["metric"] == metric
    assert back["verdict"] == {"better": "worse", "higher": "lower"}[verdict]


@pytest.mark.usefixtures("added")
def test_a_margin_allows_a_loss_in_the_direction_of_the_metric(folder):
    arguments = ("compare", folder, "--to", "gpo,triplet", "--metric", "worst", "--margin")
    assert "no worse" in said(*arguments, "10.5").splitlines()[4]
    assert "no worse" not in said(*arguments, "9.5").splitlines()[4]


def test_a_metric_that_was_not_measured_is_refused(folder):
    ran = CliRunner().invoke(
        app, ["compare", str(folder), "--to", "gpo,triplet", "--metric", "i2t_r2"]
    )
    assert ran.exit_code != 0
    assert "i2t_r2" in str(ran.exception or ran.output)


def test_what_is_declared_is_what_is_computed():
    computed = {field.name for field in fields(RetrievalMetrics)}
    assert computed - {"i2t_ranks", "t2i_ranks"} == set(keys("retrieval"))
    assert {field.name for field in fields(AnnotationMetrics)} - {"images", "per_image"} == set(
        keys("annotation")
    )


def test_every_metric_says_what_it_is():
    for metric in (metric for each in METRICS.values() for metric in each):
        assert metric.about.endswith(".")
        assert metric.places is not None
        assert named(metric.key) is metric
    for headline in HEADLINE.values():
        assert headline.better == "higher"
        assert headline.shown
        assert headline.interval is not None
