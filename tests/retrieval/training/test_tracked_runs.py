"""Real runs that trackers watch: what they are told, what they write, and that nothing changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vsebench.grid.execute import execute
from vsebench.plugin.runtime import VARIABLE
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    PlanRuns = Callable[..., tuple[RunSpec, ...]]

SMALL = {"set": {"epochs": 2, "evals_per_epoch": 2}}
WRITER = """
import json
from dataclasses import asdict
from vsebench.plugin import Tracker, hookimpl

vsebench_tracker = Tracker("lines")

@hookimpl
def vsebench_stepped(run, steps):
    with (run.directory / "steps.jsonl").open("a") as file:
        file.writelines(json.dumps(asdict(step)) + "\\n" for step in steps)
"""
FAILS = """
from vsebench.plugin import Tracker, hookimpl

vsebench_tracker = Tracker("lines")

@hookimpl
def vsebench_stepped(run, steps):
    raise OSError("no network")
"""


@pytest.fixture
def run(
    plan_runs: PlanRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[RunRecord, RunDirectory]]:
    """Runs a run, watched by a tracker of a file where its name is given."""
    monkeypatch.setenv("VSEBENCH_DISABLE_PLUGINS", "tensorboard,wandb")  # where they are installed

    def make(code: str, name: str) -> tuple[RunRecord, RunDirectory]:
        file = tmp_path / "own_tracker.py"
        file.write_text(code, encoding="utf-8")
        monkeypatch.setenv(VARIABLE, name)
        (spec,) = plan_runs(plugin=str(file), **SMALL)
        directory = Store(tmp_path / (name or "plain")).directory_for(spec)
        return execute(spec.model_dump_json(), directory.path), directory

    return make


def alike(record: RunRecord) -> dict[str, object]:
    """What does not depend on the clock."""
    return record.model_dump(exclude={"cost", "provenance"})


def test_a_tracked_run_is_the_same_run_and_every_step_is_told(
    run: Callable[..., tuple[RunRecord, RunDirectory]],
) -> None:
    (plain, before), (record, directory) = run(WRITER, ""), run(WRITER, "lines")
    assert alike(record) == alike(plain)
    assert not (before.path / "steps.jsonl").exists()
    lines = (directory.path / "steps.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    assert [step["step"] for step in steps] == list(range(1, record.steps + 1))
    first = 0
    for point, same in zip(directory.read_curve(), before.read_curve(), strict=True):
        losses = [step["loss"] for step in steps[first : point.step]]
        assert point.loss == same.loss == pytest.approx(sum(losses) / len(losses))
        assert steps[point.step - 1]["lr"] == point.lr
        assert point.diagnostics == same.diagnostics
        first = point.step
    assert all(step["grad_norm"] > 0 for step in steps)


def test_a_tracker_that_fails_costs_the_run_nothing_but_a_line(
    run: Callable[..., tuple[RunRecord, RunDirectory]],
) -> None:
    record, _ = run(FAILS, "lines")
    assert record.status == "done"
    (failure,) = record.plugin_failures
    assert failure == (
        "own_tracker (own_tracker.py 0) failed in vsebench_stepped and was not called again: "
        "OSError: no network"
    )


def test_event_files_of_tensorboard_hold_the_run(
    run: Callable[..., tuple[RunRecord, RunDirectory]],
) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record, directory = run("from vsebench_plugins.tracking.tensorboard import *\n", "tensorboard")
    assert record.plugin_failures == ()
    events = EventAccumulator(str(directory.path / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("train/loss")] == list(range(1, record.steps + 1))
    assert len(events.Scalars("train/grad_norm")) == record.steps
    curve = directory.read_curve()
    found = [(e.step, e.value) for e in events.Scalars("dev/rsum")]
    assert found == [(p.step, pytest.approx(p.metrics["rsum"], rel=1e-6)) for p in curve]
    assert {f"diagnostics/{key}" for key in curve[-1].diagnostics} <= set(events.Tags()["scalars"])
    (last,) = events.Scalars("test/rsum")
    assert last.value == pytest.approx(record.test["rsum"], rel=1e-6)


@pytest.mark.filterwarnings("ignore")  # of the library's own
def test_weights_and_biases_keeps_an_offline_run(
    run: Callable[..., tuple[RunRecord, RunDirectory]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="needs the extra wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    record, directory = run("from vsebench_plugins.tracking.wandb import *\n", "wandb")
    assert record.plugin_failures == ()
    (kept,) = (directory.path / "wandb").glob(f"offline-run-*-{record.run_id}")
    (log,) = kept.glob("*.wandb")
    content = log.read_bytes()
    for name in (b"train/grad_norm", b"dev/rsum", b"diagnostics/collapsed", b"test/rsum"):
        assert name in content
