"""What docs/ci.md shows is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from vsebench.cli.app import main
from vsebench.gate.baseline import conditions_of, rows_of
from vsebench.gate.sequential import design_for
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
DESIGNS = re.findall(r"^\| (\d+) \| ([\d, ]+) \| (\d+) % \|$", PAGE, flags=re.MULTILINE)


def block(title):
    """A file that the page shows."""
    text = re.search(rf'```\w+ title="{title}"\n(.*?)```', PAGE, flags=re.DOTALL)[1]
    return yaml.safe_load(text) if title.endswith(".yml") else tomllib.loads(text)


def test_the_workflow_calls_one_that_exists_with_what_it_takes():
    job = block(".github/workflows/vsebench.yml")["jobs"]["vsebench"]
    called = job["uses"].split("@")[0].removeprefix("OWNER/vsebench/")
    inputs = yaml.safe_load((ROOT / called).read_text())[True]["workflow_call"]["inputs"]
    assert job["with"].keys() <= inputs.keys()
    assert {key for key, each in inputs.items() if each.get("required")} <= job["with"].keys()


def test_the_suite_of_a_plugin_can_be_planned(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    planned = plan(make_suite({**block("ci.toml"), "pooling": ["max", "mean"]}))
    assert len(planned.runs) == 2


def test_the_suite_can_be_gated(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    planned = plan(make_suite(block("gate.toml")))
    assert len(rows_of(planned)) == 4
    assert conditions_of(planned).counted_on == "dev+test"


@pytest.mark.parametrize(("rows", "runs", "found"), DESIGNS)
def test_the_power_of_each_design(rows, runs, found):
    design = design_for(30, int(rows), 3 / 2.05)
    assert ", ".join(map(str, design.runs)) == runs
    assert round(100 * design.power(3 / 2.05, 3 / 2.05)) == int(found)


def test_finished_runs_are_gated(monkeypatch):
    monkeypatch.chdir(ROOT)
    command = next(line for line in PAGE.splitlines() if "compare results/aoq" in line)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command)[1:])
    assert ended.value.code == 0
