"""Runs of the annotation task with plugins that watch them, and with rules that stop them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.annotation.test_run import go, plan_runs  # noqa: F401  # a fixture
from vsebench.annotation import run as module
from vsebench.report.results import load_results

if TYPE_CHECKING:
    from pathlib import Path

    from tests.annotation.test_run import Plan

PLUGIN = """
import torch
from vsebench.plugin import AnnotationTest, Card, hookimpl

class Second:
    def should_stop(self, curve):
        return len(curve) == 2

@hookimpl
def vsebench_register_stopping_rules(register):
    register("second", f"{__name__}:Second", card=Card("stops after the second evaluation"))

@hookimpl
def vsebench_evaluated(run, point):
    torch.manual_seed(0)
    with (run.directory / "seen.txt").open("a") as file:
        file.write(f"{point.step} {point.metrics['map']}\\n")

@hookimpl
def vsebench_tested(run, test):
    assert isinstance(test, AnnotationTest) and run.components["sampler"] == "uniform"
    scores = test.images @ test.labels.T
    assert scores.shape == (len(test.positives), test.positives.n_labels)
    return {"map_again": test.metrics["map"]}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "watcher.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return str(path)


def test_a_watched_run_is_the_same_run_with_a_column(
    plugin: str,
    plan_runs: Plan,  # noqa: F811
    tmp_path: Path,
) -> None:
    (plain,), (watched,) = plan_runs(), plan_runs(plugin=plugin)
    (before, _), (record, directory) = go(plain, tmp_path / "a"), go(watched, tmp_path / "b")
    assert (record.run_id, record.test, record.best_step) == (
        before.run_id,
        before.test,
        before.best_step,
    )
    assert (directory.path / "seen.txt").read_text().splitlines() == [
        f"{point.step} {point.metrics['map']}" for point in directory.read_curve()
    ]
    (row,) = load_results(tmp_path / "b").rows
    assert row["map_again"] == row["map"]


STEPS = """
import json
from dataclasses import asdict
from vsebench.plugin import hookimpl

@hookimpl
def vsebench_stepped(run, steps):
    with (run.directory / "steps.jsonl").open("a") as file:
        file.write(json.dumps([asdict(step) for step in steps]) + "\\n")
"""


@pytest.mark.parametrize(
    ("changes", "updates"),
    [
        ({"engine": "minibatch", "batch_size": 16}, 16),
        ({"engine": "sequential"}, 1024),
    ],
)
def test_every_step_is_told_and_changes_nothing(
    plan_runs: Plan,  # noqa: F811
    tmp_path: Path,
    changes: dict[str, object],
    updates: int,
) -> None:
    file = tmp_path / "stepping.py"
    file.write_text(STEPS, encoding="utf-8")
    (plain,), (watched,) = plan_runs(set=changes), plan_runs(plugin=str(file), set=changes)
    (_, before), (record, directory) = go(plain, tmp_path / "a"), go(watched, tmp_path / "b")
    curve = directory.read_curve()
    told = [json.loads(line) for line in (directory.path / "steps.jsonl").read_text().splitlines()]
    assert len(told) == len(curve)
    assert [point.metrics for point in curve] == [point.metrics for point in before.read_curve()]
    done = 0
    for steps, point in zip(told, curve, strict=True):
        ends = [step["step"] for step in steps]
        assert ends == sorted(
            {*range(done - done % updates + updates, point.step, updates), ends[-1]}
        )
        assert ends[-1] == point.step
        counts = np.diff([done, *ends])
        losses = [step["loss"] for step in steps]
        assert np.average(losses, weights=counts) == pytest.approx(point.loss)
        assert {step["lr"] for step in steps} == {record.spec.protocol.lr}
        assert {step["grad_norm"] for step in steps} == {None}
        done = point.step


def test_a_rule_ends_a_run_and_a_resumed_one_at_the_same_update(
    plugin: str,
    plan_runs: Plan,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (whole,), (spec,) = plan_runs(), plan_runs(plugin=plugin, set={"stop": "second"})
    assert spec.run_id != whole.run_id
    record, _ = go(spec, tmp_path / "a")
    assert record.steps == record.steps_per_epoch  # two evaluations an epoch
    take = module._take

    def die_after_the_second(current, point) -> None:  # type: ignore[no-untyped-def]
        take(current, point)
        if len(current.directory.read_curve()) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_take", die_after_the_second)
    with pytest.raises(KeyboardInterrupt):
        go(spec, tmp_path / "b")
    monkeypatch.undo()
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    resumed, _ = go(spec, tmp_path / "b")
    assert (resumed.test, resumed.steps, resumed.best_step) == (
        record.test,
        record.steps,
        record.best_step,
    )
