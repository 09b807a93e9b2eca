from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
import typer
from typer.testing import CliRunner

from tests.factories import QUICK, make_curve, make_provenance, make_record, make_spec, save
from tests.report.page.dom import parse, tables
from vsebench.cli.report import report_command
from vsebench.plugin.errors import VsebenchError
from vsebench.report.results import load_results


@pytest.fixture
def folder(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")), make_curve([100, 200]))
    save(tmp_path, make_record(make_spec("mean")), make_curve([100, 150]))
    return tmp_path


def report(*arguments, **environment):
    app = typer.Typer()
    app.command()(report_command)
    return CliRunner().invoke(app, [str(a) for a in arguments], env=environment)


def test_the_table_goes_to_standard_output_and_nothing_else(folder):
    ran = report(folder, COLUMNS="100")
    assert ran.exit_code == 0
    assert ran.stdout == load_results(folder).table() + "\n"
    assert ran.stderr == ""


@pytest.mark.parametrize("form", ["md", "csv", "json", "latex"])
def test_formats(folder, form):
    assert report(folder, "--format", form).stdout == load_results(folder).table(form) + "\n"


@pytest.mark.parametrize("nothing", ["", ",", " "])
def test_no_column_is_a_mistake(folder, nothing):
    error = report(folder, "--columns", nothing).exception
    assert isinstance(error, VsebenchError)
    assert str(error).startswith("--columns names no column: write some of ")
    assert "\n" not in str(error)


def test_a_narrow_terminal_gets_two_tables(folder):
    assert max(map(len, report(folder, COLUMNS="80").stdout.splitlines())) <= 80


def test_baseline(folder):
    ran = report(folder, "--format", "json", "--baseline", "mean,triplet")
    assert [row["steps_to_target"] for row in json.loads(ran.stdout)["rows"]] == [20, 20]


def test_mixed_protocols(folder):
    save(folder, make_record(make_spec("gpo", protocol=QUICK.model_copy(update={"epochs": 8}))))
    assert isinstance(report(folder).exception, VsebenchError)
    assert report(folder, "--allow-mixed").exit_code == 0


def test_an_edited_method_is_beside_its_old_code_until_the_old_is_hidden(folder):
    for version, started, best in (("1+91bc00", "2027", 180), ("1+3f2a00", "2028", 190)):
        record = make_record(
            make_spec("power:p=4", version=version),
            rsum=float(best),
            provenance=make_provenance(started=started),
        )
        save(folder, record, make_curve([100, best]))
    rows = json.loads(report(folder, "--format", "json").stdout)["rows"]
    assert [(row["pooling"], row["rsum"]) for row in rows] == [
        ("gpo", 300.0),
        ("mean", 300.0),
        ("power@3f2a:p=4", 190.0),
        ("power@91bc:p=4", 180.0),
    ]
    table = report(folder, "--only-newest", COLUMNS="100").stdout
    assert "power:p=4" in table
    assert "power@" not in table
    assert "180.0" not in table
    assert "1 run by other versions of a component left out" in " ".join(table.split())
    page = folder / "page.html"
    report(folder, "--html", page)
    assert "power@3f2a" in page.read_text()


def test_wrong_requests_are_one_line_and_print_nothing(folder):
    for arguments in (
        [folder / "absent"],
        [folder, "--format", "xml"],
        [folder, "--baseline", "nope"],
        [next(folder.iterdir())],
    ):
        ran = report(*arguments)
        assert isinstance(ran.exception, VsebenchError)
        assert "\n" not in str(ran.exception)
        assert ran.stdout == ""


def test_a_page_is_written_beside_the_table(folder):
    path = folder / "my page.html"
    path.write_text("old", encoding="utf-8")
    ran = report(folder, "--html", path, "--baseline", "mean,triplet", COLUMNS="100")
    assert ran.exit_code == 0
    assert ran.stdout == load_results(folder, baseline="mean,triplet").table() + "\n"
    document = parse(path.read_text(encoding="utf-8"))
    assert (
        document.one("p", "command").text
        == f"vsebench report {folder.name} --html 'my page.html' --baseline mean,triplet"
    )
    read, _ = tables(document.one("section"))
    assert [cells["steps_to_target"].text for cells in read.rows] == ["20", "20"]
    assert [file.name for file in folder.iterdir() if file.is_file()] == [path.name]


def test_a_page_that_cannot_be_written_leaves_all_as_it_was(folder, refusal):
    (folder / "taken").mkdir()
    before = sorted(folder.rglob("*"))
    for path in (
        folder / "absent" / "page.html",
        folder / "taken",
        next(folder.glob("*/record.json")) / "page.html",
    ):
        error = refusal("report", folder, "--html", path)
        assert error.startswith(f"cannot write {path}: ")
        assert sorted(folder.rglob("*")) == before


def test_a_page_replaces_no_file_of_another_kind(folder):
    record = next(folder.glob("*/record.json"))
    content = record.read_bytes()
    (folder / "link.html").symlink_to(record)
    for path in (record, folder / "link.html"):
        refused = report(folder, "--html", path)
        assert isinstance(refused.exception, VsebenchError)
        assert "no page" in str(refused.exception)
        assert record.read_bytes() == content
    for text in ("", "<!DOCTYPE html>\n<p>old"):
        (folder / "page").write_text(text)
        assert report(folder, "--html", folder / "page").exit_code == 0
        assert "vsebench report" in (folder / "page").read_text(encoding="utf-8")


def test_a_wrong_request_writes_no_page(folder):
    for arguments in (["--format", "xml"], ["--baseline", "nope"]):
        assert isinstance(
            report(folder, "--html", folder / "page.html", *arguments).exception, VsebenchError
        )
    assert not (folder / "page.html").exists()


def test_a_report_needs_no_torch(folder):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from vsebench.cli.report import report_command
        for form in ("table", "md", "csv", "json", "latex"):
            report_command([Path(sys.argv[1])], form)
        if "matplotlib" in sys.modules:
            sys.exit("imported what only a page needs")
        report_command([Path(sys.argv[1])], "json", Path(sys.argv[1]) / "page.html")
        heavy = ("torch", "transformers", "numba")
        loaded = {name for name in sys.modules if name.split(".")[0] in heavy}
        sys.exit(f"imported {sorted(loaded)[:3]}" if loaded else 0)
    """)
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert ran.returncode == 0, ran.stderr
