"""Real runs with plugins that watch them, and with rules that stop them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from vsebench.grid.execute import execute
from vsebench.plugin import SpecError
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store
from vsebench.retrieval.training import loop
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    PlanRuns = Callable[..., tuple[RunSpec, ...]]

WATCHER = """
import json
import torch
from vsebench.plugin import hookimpl

def log(run, **facts):
    with (run.directory / "seen.jsonl").open("a") as file:
        file.write(json.dumps(facts) + "\\n")

@hookimpl
def vsebench_run_started(run):
    log(run, started=True)

@hookimpl
def vsebench_evaluated(run, point):
    torch.manual_seed(0)
    log(run, step=point.step)

@hookimpl
def vsebench_tested(run, test):
    shape = (len(test.i2t_ranks), len(test.text_to_image))
    assert test.similarity(test.image, test.text).shape == shape
    return {
        "i2t_mrr": float((1 / (1 + test.i2t_ranks)).mean()),
        "t2i_r1_again": 100 * (test.t2i_ranks < 1).mean(),
    }

@hookimpl
def vsebench_run_finished(run, outcome):
    log(run, finished=outcome.status, record=(run.directory / "record.json").exists())
    raise RuntimeError("boom at the end")
"""
SMALL = {"set": {"epochs": 2, "evals_per_epoch": 2}}


def run(spec: RunSpec, out: Path) -> RunRecord:
    return execute(spec.model_dump_json(), Store(out).directory_for(spec).path)


def numbers(record: RunRecord) -> tuple[object, ...]:
    return record.run_id, record.test, record.best_dev, record.best_step, record.steps


def test_a_watched_run_is_the_same_run_with_columns_of_the_plugin(
    plan_runs: PlanRuns, tmp_path: Path
) -> None:
    plugin = tmp_path / "watcher.py"
    plugin.write_text(WATCHER, encoding="utf-8")
    (plain,), (watched,) = plan_runs(**SMALL), plan_runs(plugin=str(plugin), **SMALL)
    before, record = run(plain, tmp_path / "a"), run(watched, tmp_path / "b")
    assert numbers(record) == numbers(before)
    assert record.status == "done"
    assert record.columns["t2i_r1_again"].value == record.test["t2i_r1"]
    assert 0 < record.columns["i2t_mrr"].value <= 1
    directory = Store(tmp_path / "b").directory_for(watched)
    lines = (directory.path / "seen.jsonl").read_text().splitlines()
    steps = [f'{{"step": {point.step}}}' for point in directory.read_curve()]
    assert lines == ['{"started": true}', *steps, '{"finished": "done", "record": true}']
    stored = directory.read_record()
    assert stored is not None
    assert stored.plugin_failures == record.plugin_failures
    assert directory.is_done
    assert record.plugin_failures == (
        (
            "watcher (watcher.py 0) failed in vsebench_run_finished and was not called again: "
            "RuntimeError: boom at the end"
        ),
    )


def test_the_columns_reach_every_form_of_the_table(plan_runs: PlanRuns, tmp_path: Path) -> None:
    plugin = tmp_path / "watcher.py"
    plugin.write_text(WATCHER, encoding="utf-8")
    for spec in plan_runs(plugin=str(plugin), seeds="0,1", **SMALL):
        train(spec, prepared(spec, tmp_path / "runs"), lambda event: None)
    results = load_results(tmp_path / "runs")
    (row,) = results.rows
    values = [
        record.columns["i2t_mrr"].value
        for record in (d.read_record() for d in Store(tmp_path / "runs").runs())
        if record is not None
    ]
    assert row["i2t_mrr"] == pytest.approx(sum(values) / 2)
    assert row["i2t_mrr_lo"] < row["i2t_mrr"] < row["i2t_mrr_hi"]  # type: ignore[operator]
    assert results.frame()["i2t_mrr"].dtype == "Float64"
    assert '"i2t_mrr":' in results.table("json")
    assert f"{row['i2t_mrr']:.4g}" in results.table("md")
    assert "i2t_mrr: measured on test by watcher.py 0." in results.table("md")


def prepared(spec: RunSpec, out: Path):  # type: ignore[no-untyped-def]
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return directory


RULE = """
from vsebench.plugin import Card, Param, hookimpl

class After:
    def __init__(self, points=2):
        self.points = points

    def should_stop(self, curve):
        return len(curve) >= self.points

@hookimpl
def vsebench_register_stopping_rules(register):
    card = Card("stops after so many evaluations")
    register("after", f"{__name__}:After", params=[Param("points", 2)], card=card)
"""


@pytest.fixture
def rule(tmp_path: Path) -> str:
    path = tmp_path / "rule.py"
    path.write_text(RULE, encoding="utf-8")
    return str(path)


def protocol(stop: str) -> dict[str, object]:
    return {"epochs": 4, "evals_per_epoch": 2, "stop": stop}


def test_a_rule_ends_a_run_at_an_epochs_end_and_is_part_of_its_id(
    rule: str, plan_runs: PlanRuns, tmp_path: Path
) -> None:
    (whole,) = plan_runs(set={"epochs": 4, "evals_per_epoch": 2})
    (never,) = plan_runs(set=protocol("never"), plugin=rule)
    (stopped,) = plan_runs(set=protocol("after:points=3"), plugin=rule)
    assert never.run_id == whole.run_id  # a plugin that is not asked for changes nothing
    assert stopped.run_id != whole.run_id
    record = run(stopped, tmp_path / "runs")
    assert record.status == "done"
    assert record.steps == 2 * record.steps_per_epoch
    assert [point.step for point in Store(tmp_path / "runs").directory_for(stopped).read_curve()][
        -1
    ] == record.steps


def test_a_resumed_run_stops_where_the_uninterrupted_one_did(
    rule: str, plan_runs: PlanRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = plan_runs(set=protocol("after:points=4"), plugin=rule)
    whole = train(spec, prepared(spec, tmp_path / "a"), lambda event: None)
    directory = prepared(spec, tmp_path / "b")
    monkeypatch.setattr(loop, "is_stopped", killed_after(loop.is_stopped, 2))
    with pytest.raises(KeyboardInterrupt):
        train(spec, directory, lambda event: None)
    monkeypatch.undo()
    assert directory.checkpoint_path.exists()
    resumed = train(spec, directory, lambda event: None)
    assert numbers(resumed) == numbers(whole)
    shutil.rmtree(tmp_path / "a")


def killed_after(ask, epochs):  # type: ignore[no-untyped-def]
    """The question of the rule, at which the process dies when so many epochs are done."""

    def killed(rule, directory):  # type: ignore[no-untyped-def]
        if sum(point.epoch_end for point in directory.read_curve()) >= epochs:
            raise KeyboardInterrupt
        return ask(rule, directory)

    return killed


def test_an_unknown_rule_is_refused_with_the_nearest(plan_runs: PlanRuns) -> None:
    with pytest.raises(
        SpecError, match="unknown stopping-rule 'patiense': did you mean 'patience'"
    ):
        plan_runs(set={"stop": "patiense"})


def test_the_spec_of_a_rule_is_canonical(plan_runs: PlanRuns) -> None:
    (given,), (default,) = (
        plan_runs(set={"stop": "patience:epochs=5"}),
        plan_runs(set={"stop": "patience"}),
    )
    assert given.run_id == default.run_id
    assert given.protocol.stop == "patience"
    assert given.protocol_changes["stop"] == "patience"
