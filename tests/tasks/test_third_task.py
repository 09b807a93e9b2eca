"""A third task is a module of its own and an entry of the registry: it is planned, run, resumed,
reported and compared without a change elsewhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.tasks.counting import CountingSpec
from vsebench.cli.app import app
from vsebench.grid.execute import execute
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import SpecError
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store
from vsebench.results.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.grid.plan import Plan

PLUGIN = """
from tests.tasks.counting import (
    vsebench_register_datasets, vsebench_register_losses, vsebench_register_similarities
)
"""


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Of a suite of the task."""
    monkeypatch.setitem(TASKS, "counting", "tests.tasks.counting:COUNTING")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "counts.txt").write_text("3\n1\n4\n")
    (tmp_path / "counting_plugin.py").write_text(PLUGIN)
    return {
        "dataset": "things",
        "data_root": str(tmp_path / "data"),
        "similarity": "dot,near",
        "loss": "off",
        "seeds": "0-1",
        "set": {"epochs": 4},
        "device": "cpu",
        "out": str(tmp_path / "runs"),
        "plugin": str(tmp_path / "counting_plugin.py"),
    }


@pytest.fixture
def ran(values: dict[str, object]) -> Plan:
    found = plan(make_suite(values))
    for spec in found.runs:
        execute(spec.model_dump_json(), Store(found.out).directory_for(spec).path)
    return found


def test_it_is_planned_as_its_own_spec(values: dict[str, object]) -> None:
    runs = plan(make_suite(values)).runs
    assert {type(run) for run in runs} == {CountingSpec}
    assert [(*run.combination, run.seed) for run in runs] == [
        (similarity, "off", seed) for similarity in ("dot", "near") for seed in (0, 1)
    ]
    assert all(run.protocol_changes == {"epochs": 4} for run in runs)
    assert len({run.run_id for run in runs}) == 4


def test_what_is_of_another_task_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="protocol 'quick' is of the retrieval task"):
        plan(make_suite({**values, "protocol": "quick"}))
    with pytest.raises(SpecError, match=r"'triplet' serves the retrieval task.*counting task"):
        plan(make_suite({**values, "loss": "triplet"}))


def test_a_task_that_nobody_has_is_named(
    values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(TASKS, "counting")
    with pytest.raises(SpecError, match="unknown task 'counting'"):
        plan(make_suite(values))


def test_its_runs_are_read_as_they_were_written(ran: Plan) -> None:
    store = Store(ran.out)
    for spec in ran.runs:
        assert store.directory_for(spec).read_spec() == spec
        record = store.directory_for(spec).read_record()
        assert record is not None
        assert record.spec == spec.published()


def test_it_has_a_table(ran: Plan) -> None:
    results = load_results(ran.out)
    rows = results.rows
    assert [(row["task"], row["similarity"], row["loss"], row["exact"]) for row in rows] == [
        ("counting", "dot", "off", 60.5),
        ("counting", "near", "off", 50.5),
    ]
    text = results.table()
    assert "similarity" in text
    assert "looks to" in text
    assert "Exact: % of test images counted right." in text


@pytest.mark.parametrize(
    "command", [["compare", "--to", "near,off"], ["speedup", "--baseline", "near,off"]]
)
def test_commands_that_read_runs_read_its(ran: Plan, command: list[str]) -> None:
    name, *options = command
    found = CliRunner().invoke(app, [name, str(ran.out), *options, "--format", "json"])
    assert found.exit_code == 0, found.output
    assert "near" in json.dumps(json.loads(found.stdout))


def test_a_dry_run_names_what_it_compares(values: dict[str, object]) -> None:
    wanted = {key: value for key, value in values.items() if key != "set"}
    options = [
        part for key, value in wanted.items() for part in (f"--{key.replace('_', '-')}", str(value))
    ]
    found = CliRunner().invoke(app, ["run", *options, "--dry-run"])
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[0].split()[:3] == ["run", "similarity", "loss"]
