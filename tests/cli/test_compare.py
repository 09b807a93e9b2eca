from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from tests.factories import QUICK, make_provenance, make_record, make_spec, save
from vsebench.cli.compare import compare_command
from vsebench.plugin.errors import VsebenchError
from vsebench.report.results import load_results


@pytest.fixture
def folder(tmp_path):
    for seed in range(3):
        save(tmp_path, make_record(make_spec("mean", seed=seed), rsum=200.0 + seed))
        save(tmp_path, make_record(make_spec("gpo", seed=seed), rsum=210.0 + seed))
    return tmp_path


def compare(*arguments):
    app = typer.Typer()
    app.command()(compare_command)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_table(folder):
    ran = compare(folder, "--to", "mean,triplet")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("scenes · test\n\npooling")
    assert "better" in ran.stdout


def test_json(folder):
    ran = compare(folder, "--to", "gpo,triplet", "--format", "json", "--margin", "20")
    found = json.loads(ran.stdout)
    assert found["reference"] == "gpo,triplet"
    (row,) = found["comparisons"]
    assert (row["dataset"], row["margin"], row["pooling"], row["seeds"], row["verdict"]) == (
        "scenes",
        20,
        "mean",
        [0, 1, 2],
        "no worse",
    )
    assert (row["metric"], row["difference"]) == ("rsum", pytest.approx(-10))


def test_folders_of_two_machines_are_one_comparison(folder, tmp_path):
    for machine, seeds in (("one", (0, 1)), ("two", (1, 2))):
        for seed in seeds:
            save(tmp_path / machine, make_record(make_spec("mean", seed=seed), rsum=200.0 + seed))
            save(tmp_path / machine, make_record(make_spec("gpo", seed=seed), rsum=210.0 + seed))
    asked = ("--to", "mean,triplet", "--format", "json")
    places = (tmp_path / "one", tmp_path / "two")
    assert compare(*places, *asked).stdout == compare(folder, *asked).stdout
    save(tmp_path / "two", make_record(make_spec("mean", seed=0), rsum=205.0))
    ran = compare(*places, *asked)
    assert isinstance(ran.exception, VsebenchError)
    assert "it is one run, not two seeds; give one of the folders" in str(ran.exception)


def test_the_old_code_of_a_method_is_compared_with_the_new(tmp_path):
    for version, started, better in (("1+91bc00", "2026", 0), ("1+3f2a00", "2027", 10)):
        for seed in range(3):
            record = make_record(
                make_spec("own", seed=seed, version=version),
                rsum=200.0 + seed + better,
                provenance=make_provenance(started=started),
            )
            save(tmp_path, record)
    found = json.loads(compare(tmp_path, "--to", "own@91bc,triplet", "--format", "json").stdout)
    (row,) = found["comparisons"]
    assert (row["pooling"], row["difference"]) == ("own@3f2a", pytest.approx(10))
    ran = compare(tmp_path, "--to", "own,triplet")
    assert "write 'own@3f2a,triplet' or 'own@91bc,triplet', the newest" in str(ran.exception)
    save(tmp_path, make_record(make_spec("mean"), rsum=190.0))
    ran = compare(tmp_path, "--to", "own,triplet", "--only-newest")
    assert "mean" in ran.stdout
    assert "own@" not in ran.stdout
    assert "3 runs of older versions left out." in ran.stdout


def test_a_tuned_row_is_compared_by_its_name(tmp_path):
    tuned = QUICK.model_copy(update={"lr": 0.004})
    for seed in range(3):
        save(tmp_path, make_record(make_spec("gpo", seed=seed), rsum=200.0 + seed))
        save(tmp_path, make_record(make_spec("mean", seed=seed), rsum=190.0 + seed))
        own = make_spec("gpo", seed=seed, protocol=tuned, tuned=("lr",))
        save(tmp_path, make_record(own, rsum=210.0 + seed))
    found = json.loads(compare(tmp_path, "--to", "gpo,triplet,tuned", "--format", "json").stdout)
    assert [(row["pooling"], row["loss"], row["difference"]) for row in found["comparisons"]] == [
        ("gpo", "triplet", pytest.approx(-10)),
        ("mean", "triplet", pytest.approx(-20)),
    ]
    found = json.loads(compare(tmp_path, "--to", "gpo,triplet", "--format", "json").stdout)
    assert [row["loss"] for row in found["comparisons"]] == ["triplet (tuned)", "triplet"]
    ran = compare(tmp_path, "--to", "gpo,triplet,tuned", "--fail-on", "worse")
    assert ran.exit_code == 3
    assert "gpo,triplet is worse, mean,triplet is worse" in ran.stderr
    assert "gpo × triplet (tuned)" in compare(tmp_path, "--to", "gpo,triplet,tuned").stdout


def test_advice_names_no_option_that_it_lacks(folder):
    save(folder, make_record(make_spec("max", protocol=QUICK.model_copy(update={"epochs": 8}))))
    ran = compare(folder, "--to", "mean,triplet")
    assert "report them from separate folders" in str(ran.exception)
    assert "--allow-mixed" not in str(ran.exception)
    with pytest.raises(VsebenchError, match="or pass --allow-mixed"):
        load_results(folder)


def test_it_may_gate(folder):
    worse = compare(folder, "--to", "gpo,triplet", "--fail-on", "worse,undecided")
    assert worse.exit_code == 3
    assert "gate failed: against gpo,triplet, mean,triplet is worse" in worse.stderr
    assert worse.stdout.startswith("scenes · test")
    better = compare(folder, "--to", "mean,triplet", "--fail-on", "worse,undecided")
    assert (better.exit_code, better.stderr) == (0, "")
    no_worse = compare(folder, "--to", "gpo,triplet", "--margin", "20", "--fail-on", "worse")
    assert no_worse.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--to", "maen,triplet"),
            (
                "--to 'maen,triplet' is no row: write POOLING,LOSS as the table does; did you mean "
                "'mean,triplet'?"
            ),
        ),
        (("--to", "mean,triplet", "--margin", "inf"), "--margin takes a finite number, got inf"),
        (("--to", "mean,triplet", "--format", "jsn"), "did you mean 'json'"),
        (("--to", "mean,triplet", "--fail-on", "wors"), "did you mean 'worse'"),
    ],
)
def test_a_wrong_request_is_one_line(folder, arguments, message):
    error = compare(folder, *arguments).exception
    assert isinstance(error, VsebenchError)
    assert message in str(error)
