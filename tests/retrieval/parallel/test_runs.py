"""Whole runs on two ranks, which are processes of their own."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from vsebench.grid.execute import execute
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.store import Store
from vsebench.retrieval.parallel.group import RANK_TIMEOUT
from vsebench.retrieval.parallel.leading import Follower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

SHORT = {"epochs": 2, "evals_per_epoch": 2, "batch_size": 33, "last_batch": "keep"}
"""600 captions: the last batch of an epoch has 6, of which each rank has 3."""


def made(runs: tuple[RunSpec, ...], out: Path) -> tuple[RunRecord, RunDirectory]:
    """Executes runs in this process; the last one's record and directory."""
    store = Store(out)
    store.prepare()
    for run in runs:
        directory = store.directory_for(run)
        record = execute(run.model_dump_json(), directory.path)
        assert record.status == "done", record.error
    return record, RunDirectory(directory.path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"loss": "triplet", "pooling": "gpo/mean"},
        {"loss": "aoq", "pooling": "mean"},
        {"loss": "triplet-global", "sampler": "dns", "pooling": "mean"},
        {"loss": "siglip", "pooling": "adaptive", "set": {"batch_size": 32, "stop": "patience"}},
    ],
    ids=lambda values: values["loss"],
)
def test_two_ranks_give_the_curve_of_one(
    plan_runs: Plan, tmp_path: Path, values: dict[str, Any]
) -> None:
    # at the rate of `quick` an order of sums grows to 0.3 % of a loss within 29 steps of one rank
    changes = {**SHORT, "lr": 5e-4, **values.pop("set", {})}
    one, its_curve = made(plan_runs(**values, set=changes), tmp_path / "one")
    two, curve = made(plan_runs(**values, set={**changes, "devices": 2}), tmp_path / "two")
    assert one.run_id != two.run_id
    pairs = list(zip(its_curve.read_curve(), curve.read_curve(), strict=True))
    for expected, found in pairs:
        assert found.step == expected.step
        assert found.loss == pytest.approx(expected.loss, rel=2e-3)
        assert found.metrics["rsum"] == pytest.approx(expected.metrics["rsum"], abs=6)
        assert found.diagnostics.keys() == expected.diagnostics.keys()
    assert pairs[0][1].loss == pytest.approx(pairs[0][0].loss, rel=1e-5)
    assert one.cost is not None
    assert two.cost is not None
    assert two.cost.tower_forwards == one.cost.tower_forwards
    assert two.cost.samples_seen == one.cost.samples_seen
    batch = changes["batch_size"]
    assert two.data_parallel is not None
    assert two.data_parallel.model_dump() == {
        "devices": 2,
        "batch": batch,
        "batch_by_device": (batch - batch // 2, batch // 2),
        "negatives": batch - 1,
    }
    assert "data_parallel" not in one.model_dump()


@pytest.mark.slow
def test_a_run_resumes_on_its_ranks_as_if_it_had_not_stopped(
    plan_runs: Plan, tmp_path: Path
) -> None:
    runs = plan_runs(loss="infonce", set={**SHORT, "devices": 2})
    whole, its_curve = made(runs, tmp_path / "whole")
    directory = Store(tmp_path / "again").directory_for(runs[0])

    def stop(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and int(str(event["step"])) > whole.steps_per_epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(runs[0].model_dump_json(), directory.path, stop)
    assert directory.checkpoint_path.exists()
    again, curve = made(runs, tmp_path / "again")
    assert again.provenance is not None
    assert again.provenance.restarts == 1
    assert again.test == whole.test
    for expected, found in zip(its_curve.read_curve(), curve.read_curve(), strict=True):
        assert (found.step, found.loss, found.metrics) == (
            expected.step,
            expected.loss,
            expected.metrics,
        )


def ending(
    runs: tuple[RunSpec, ...], out: Path, monkeypatch: pytest.MonkeyPatch, ends: int
) -> tuple[RunRecord, float]:
    """The record of a run of which another rank is sent a signal in its first step, and how many
    seconds it took from there.
    """
    started: list[Follower] = []
    plain = Follower.__init__

    def kept(self: Follower, *arguments: Any) -> None:
        plain(self, *arguments)
        started.append(self)

    monkeypatch.setattr(Follower, "__init__", kept)
    sent: list[float] = []

    def send(event: dict[str, object]) -> None:
        if event["event"] == "step" and not sent:
            sent.append(time.monotonic())
            os.kill(started[0]._process.pid, ends)

    run = runs[0]
    record = execute(run.model_dump_json(), Store(out).directory_for(run).path, send)
    return record, time.monotonic() - sent[0]


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_run_in_one_line(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = plan_runs(loss="triplet", set={**SHORT, "epochs": 50, "devices": 2})
    record, seconds = ending(runs, tmp_path, monkeypatch, signal.SIGKILL)
    assert record.status == "failed"
    last = (record.error or "").strip().splitlines()[-1]
    assert "rank 1 of 2 was ended by SIGKILL, which the system does when memory runs out" in last
    assert seconds < 60
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rank ")]


@pytest.mark.slow
def test_a_rank_that_stands_still_ends_the_run_in_time(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RANK_TIMEOUT, "15")
    runs = plan_runs(loss="triplet", set={**SHORT, "epochs": 50, "devices": 2})
    record, seconds = ending(runs, tmp_path, monkeypatch, signal.SIGSTOP)
    assert record.status == "failed"
    last = (record.error or "").strip().splitlines()[-1]
    assert "another rank is lost, or has said nothing for 15 seconds" in last
    assert seconds < 90


DRIFTING = """
import torch
from vsebench.plugin import Card, hookimpl

class Drifting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, features, lengths):
        if self.training:
            self.seen += features.detach().sum()
        return features.mean(1)

class Failing(Drifting):
    def forward(self, features, lengths):
        import torch.distributed as dist
        if self.training and len(lengths) == 16 and dist.is_initialized() and dist.get_rank():
            raise ZeroDivisionError("by the second rank")
        return features.mean(1)

@hookimpl
def vsebench_register_poolings(register):
    register("drifting", f"{__name__}:Drifting", card=Card("learns from its part"))
    register("failing", f"{__name__}:Failing", card=Card("fails on one rank"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "said"),
    [
        ("drifting", "has another 'model.image.pooling.seen' than rank 0"),
        ("failing", "rank 1 of 2 failed: ZeroDivisionError: by the second rank"),
    ],
)
def test_what_cannot_be_split_is_named(
    plan_runs: Plan, tmp_path: Path, pooling: str, said: str
) -> None:
    plugin = tmp_path / "own.py"
    plugin.write_text(DRIFTING)
    (run,) = plan_runs(
        pooling=pooling,
        plugin=[str(plugin)],
        set={"epochs": 1, "batch_size": 32, "devices": 2, "warmup_epochs": 0},
    )
    record = execute(run.model_dump_json(), Store(tmp_path / "out").directory_for(run).path)
    assert record.status == "failed"
    assert said in (record.error or "").strip().splitlines()[-1]


def test_a_record_on_several_devices_is_read_as_it_was_written() -> None:
    from tests.factories import make_record
    from vsebench.results.record import DataParallel, RunRecord

    split = DataParallel(devices=2, batch=33, batch_by_device=(17, 16), negatives=32)
    record = make_record().model_copy(update={"data_parallel": split})
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
    assert "data_parallel" not in json.loads(make_record().model_dump_json())
