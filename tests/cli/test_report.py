from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
import typer
from typer.testing import CliRunner

from tests.factories import QUICK, make_curve, make_record, make_spec, save
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


def test_a_narrow_terminal_gets_two_tables(folder):
    assert max(map(len, report(folder, COLUMNS="80").stdout.splitlines())) <= 80


def test_baseline(folder):
    ran = report(folder, "--format", "json", "--baseline", "mean,triplet")
    assert [row["steps_to_target"] for row in json.loads(ran.stdout)["rows"]] == [20, 20]


def test_mixed_protocols(folder):
    save(folder, make_record(make_spec("gpo", protocol=QUICK.model_copy(update={"epochs": 8}))))
    assert isinstance(report(folder).exception, VsebenchError)
    assert report(folder, "--allow-mixed").exit_code == 0


def test_wrong_requests_are_one_line_and_print_nothing(folder):
    for arguments in ([folder / "absent"], [folder, "--format", "xml"], [folder, "--baseline", "nope"], [next(folder.iterdir())]):
        ran = report(*arguments)
        assert isinstance(ran.exception, VsebenchError)
        assert "\n" not in str(ran.exception)
        assert ran.stdout == ""


def test_a_report_needs_no_torch(folder):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from vsebench.cli.report import report_command
        for form in ("table", "md", "csv", "json", "latex"):
            report_command(Path(sys.argv[1]), form)
        loaded = {name for name in sys.modules if name.split(".")[0] in ("torch", "transformers", "numba")}
        sys.exit(f"imported {sorted(loaded)[:3]}" if loaded else 0)
    """)
    ran = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"})
    assert ran.returncode == 0, ran.stderr
