"""What docs/ci.md shows is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from vsebench.cli.app import main
from vsebench.gate.baseline import conditions_of, rows_of
from vsebench.gate.sequential import design_for
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
DESIGNS = re.findall(r"^\| (\d+) \| ([\d, ]+) \| (\d+) % \|$", PAGE, flags=re.MULTILINE)


def test_the_suite_can_be_gated(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = re.search(r"```toml title=\"gate.toml\"\n(.*?)```", PAGE, flags=re.DOTALL)
    planned = plan(make_suite(tomllib.loads(text[1])))
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
