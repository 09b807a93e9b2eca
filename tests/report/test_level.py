"""Intervals at another level than 95 %: every command computes them so, and says so."""

from __future__ import annotations

import json
import math

import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.factories import make_curve, make_record, make_spec, save
from tests.report.verified import GPO_F30K, leave
from vsebench.cli.app import app
from vsebench.plugin.errors import SpecError
from vsebench.report.results import load_results
from vsebench.report.statistics.means import t_interval
from vsebench.report.statistics.seed_spread import stored

RSUMS = {"mean": (300.0, 304.0, 302.0), "gpo": (306.0, 309.0, 311.0)}


@pytest.fixture
def folder(tmp_path):
    for pooling, rsums in RSUMS.items():
        for seed, rsum in enumerate(rsums):
            curve = make_curve([rsum * (1 - 0.5 * 0.4**i) for i in range(1, 12)])
            save(tmp_path, make_record(make_spec(pooling, seed=seed), rsum=rsum), curve)
    return tmp_path


def said(*arguments: object) -> str:
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def interval(values, level):
    return stats.t.interval(
        level, len(values) - 1, loc=sum(values) / len(values), scale=stats.sem(values)
    )


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.999])
def test_an_interval_is_scipys_at_every_level(level):
    found = t_interval(RSUMS["mean"], level)
    assert found[1:] == pytest.approx(interval(RSUMS["mean"], level))


def test_the_report_and_its_page_are_at_the_level_that_is_asked_for(folder, tmp_path):
    page = tmp_path / "page.html"
    text = said("report", folder, "--level", "0.8", "--html", page)
    assert "80 % t-interval" in text
    html = page.read_text()
    assert "80 % interval" in html
    assert "--level 0.8" in html
    assert "95 % interval" not in html
    content = json.loads(said("report", folder, "--level", "0.8", "--format", "json"))
    assert content["level"] == 0.8
    for row in content["rows"]:
        values = RSUMS[row["pooling"]]
        assert (row["rsum_lo"], row["rsum_hi"]) == pytest.approx(interval(values, 0.8))


def test_a_comparison_is_at_the_level_that_is_asked_for(folder):
    text = said("compare", folder, "--to", "mean,triplet", "--level", "0.8")
    assert "80 % interval" in text
    assert "each at 80 %" in text
    (row,) = json.loads(
        said("compare", folder, "--to", "mean,triplet", "--level", "0.8", "--format", "json")
    )["comparisons"]
    differences = [gpo - mean for mean, gpo in zip(*RSUMS.values(), strict=True)]
    assert row["level"] == 0.8
    assert (row["difference_lo"], row["difference_hi"]) == pytest.approx(interval(differences, 0.8))


def test_the_speed_table_says_its_level(folder):
    text = " ".join(said("speedup", folder, "--level", "0.8").split())
    assert "Student's 80 % interval" in text
    assert json.loads(said("speedup", folder, "--level", "0.8", "--format", "json"))["level"] == 0.8


def test_a_verification_is_at_the_level_that_is_asked_for(tmp_path):
    values = (496.0, 499.0, 500.0)
    for seed, rsum in enumerate(values):
        leave(tmp_path, "gpo", "triplet", seed, test={"rsum": rsum})
    arguments = ("verify", "gpo", tmp_path, "--level", "0.8")
    assert "hold together with 80 %" in " ".join(said(*arguments).split())
    found = json.loads(said(*arguments, "--format", "json"))
    (compared,) = found["compared"]
    assert found["level"] == 0.8
    limits = stored().limits(GPO_F30K, list(GPO_F30K), 3, 0.8)
    assert compared["figures"]["rsum"]["limit"] == limits["rsum"]


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, math.nan])
def test_a_level_that_is_no_share_is_refused(folder, level):
    with pytest.raises(SpecError, match="confidence level"):
        load_results(folder, level=level)
    for arguments in (("report",), ("compare", "--to", "mean,triplet"), ("speedup",)):
        command, *more = arguments
        ran = CliRunner().invoke(app, [command, str(folder), *more, f"--level={level}"])
        assert isinstance(ran.exception, SpecError)
