from __future__ import annotations

import os
import re
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve
from tests.grid.conftest import doing
from vsebench.grid.execute import RunBusy, execute
from vsebench.grid.run_log import RunLog
from vsebench.plugin import DataError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease
from vsebench.results.record import DivergenceError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.grid.conftest import MakeJob
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec


def run(job, events: list | None = None) -> RunRecord:
    return execute(job.spec, job.directory, None if events is None else events.append)


def test_a_run_leaves_its_spec_its_record_and_no_lease(job: MakeJob):
    spec = doing("nothing")
    events: list = []
    record = run(job(spec), events)
    directory = RunDirectory(job(spec).directory)
    assert record.status == "done"
    assert directory.is_done
    assert directory.read_spec() == spec
    assert directory.read_record() == record
    assert events == [
        {"event": "phase", "phase": "training"},
        {"event": "finished", "status": "done", "result": "RSUM 1.0"},
    ]
    assert Lease.claim(directory.path) is not None


def test_a_run_that_is_done_is_not_run_again(job: MakeJob, out: Path):
    spec = doing("nothing")
    first, again = run(job(spec)), run(job(spec))
    assert first == again
    assert (out / "order.txt").read_text() == "triplet 0\n"


def test_a_failing_run_leaves_its_traceback(job: MakeJob):
    events: list = []
    record = run(job(doing("fail")), events)
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.startswith("Traceback (most recent call last):")
    assert record.error.rstrip().endswith("RuntimeError: boom")
    assert RunDirectory(job(doing("fail")).directory).read_record() == record
    assert events[-1] == {"event": "finished", "status": "failed"}
    log = RunDirectory(job(doing("fail")).directory).log_path.read_text()
    assert log.endswith(f"failed\n{record.error}")


def test_a_log_says_what_the_run_did_and_when(job: MakeJob):
    spec = doing("nothing")
    record = run(job(spec))
    log = RunDirectory(job(spec).directory).log_path
    times, notes = zip(*(line.split(" ", 1) for line in log.read_text().splitlines()), strict=True)
    assert notes[0].startswith(f"{spec.label} ({record.run_id}), vsebench ")
    assert notes[1:] == ("training", "done, RSUM 1.0")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)


def test_evaluations_are_lines_of_the_log_and_steps_are_not(tmp_path: Path):
    log = RunLog(tmp_path / "run.log")
    for event in (
        {"event": "step", "step": 7, "steps": 40},
        {"event": "evaluated", "step": 20, "steps": 40, "loss": 1.53, "rsum": 123.45},
        {"event": "evaluated", "step": 40, "steps": 40, "loss": 0.5, "map": 0.12345},
        {"event": "computing", "what": "text features", "done": 10, "total": 3000},
        {"event": "computing", "what": "text features", "done": 3000, "total": 3000},
        {"event": "waiting", "what": "text features"},
    ):
        log.take(event)
    assert [line.split(" ", 1)[1] for line in (tmp_path / "run.log").read_text().splitlines()] == [
        "step 20 of 40, loss 1.53, dev RSUM 123.5",
        "step 40 of 40, loss 0.5, dev MAP 0.1235",
        "computed text features: 3,000",
        "waiting for text features, which another run computes",
    ]


@pytest.mark.parametrize(
    ("error", "diverged"),
    [
        (DivergenceError("lower lr"), True),
        (DataError("the data vanished"), False),
        (MemoryError(), False),
    ],
)
def test_only_a_run_that_diverged_is_marked_so(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch, error: Exception, diverged: bool
):
    def train(*_: object) -> None:
        raise error

    monkeypatch.setitem(
        sys.modules, "vsebench.retrieval.training.train", SimpleNamespace(train=train)
    )
    record = run(job(doing("nothing")))
    assert (record.status, record.diverged) == ("failed", diverged)


def test_an_error_of_the_suite_fails_the_run_too(job: MakeJob, monkeypatch: pytest.MonkeyPatch):
    def train(*_: object) -> None:
        raise DataError("the data vanished")

    monkeypatch.setitem(
        sys.modules, "vsebench.retrieval.training.train", SimpleNamespace(train=train)
    )
    record = run(job(doing("nothing")))
    assert (record.status, (record.error or "").splitlines()[-1]) == (
        "failed",
        "vsebench.plugin.errors.DataError: the data vanished",
    )


def test_a_failed_run_is_tried_again(job: MakeJob, monkeypatch: pytest.MonkeyPatch):
    spec = doing("fail")
    assert run(job(spec)).status == "failed"
    monkeypatch.setattr("tests.grid.fake_training.deeds", {})
    assert run(job(spec)).status == "done"
    assert RunDirectory(job(spec).directory).is_done


def test_a_run_whose_first_round_failed_is_blocked(job: MakeJob, out: Path):
    first = doing("fail")
    second = doing("nothing", needs=first)
    run(job(first))
    record = run(job(second))
    assert record.status == "blocked"
    assert record.error == f"it needs the run {first.label} ({first.run_id}), which is failed"
    third = run(job(doing("chatter", needs=second)))
    assert (third.status, "which is blocked" in str(third.error)) == ("blocked", True)
    assert (out / "order.txt").read_text() == "triplet 0\n"


def test_a_run_whose_first_round_is_done_runs(job: MakeJob):
    first = doing("nothing")
    run(job(first))
    assert run(job(doing("chatter", needs=first))).status == "done"


def test_a_run_whose_first_round_has_not_ended_waits(job: MakeJob):
    second = doing("nothing", needs=doing("chatter"))
    with pytest.raises(RunBusy, match="waits for run"):
        run(job(second))
    assert RunDirectory(job(second).directory).read_record() is None


def test_a_run_that_another_process_holds_is_left_to_it(job: MakeJob, out: Path):
    held = job(doing("nothing"))
    lease = Lease.claim(held.directory)
    assert lease is not None
    with pytest.raises(RunBusy, match=f"it is being run by process {os.getpid()} on "):
        run(held)
    assert not (out / "order.txt").exists()
    lease.release()
    assert run(held).status == "done"


def test_a_run_that_lost_its_lease_stops_and_writes_nothing(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Lease, "lost", property(lambda _: True))
    with pytest.raises(RunBusy, match="another process has taken the run over"):
        run(job(doing("nothing")))
    assert RunDirectory(job(doing("nothing")).directory).read_record() is None


def lose_the_lease(run_dir: Path) -> None:
    """As another machine does after this process stood still for too long."""
    for lease in run_dir.glob("lease-*.json"):
        lease.rename(run_dir / "lease-99.json")


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_whose_lease_is_taken_while_it_stands_still_writes_no_more(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch, fails: bool
):
    """Neither what it does next, nor that it fails, which is another process's to find out now."""
    wanted = job(doing("nothing"))

    def train(spec: RunSpec, directory: RunDirectory, report: object, observers: object) -> None:
        first, second = make_curve([100, 200])
        directory.append_evaluation(first)
        lose_the_lease(directory.path)
        if fails:
            raise RuntimeError("boom")
        directory.append_evaluation(second)

    monkeypatch.setitem(
        sys.modules, "vsebench.retrieval.training.train", SimpleNamespace(train=train)
    )
    with pytest.raises(RunBusy, match="another process has taken the run over"):
        run(wanted)
    left = RunDirectory(wanted.directory)
    assert len(left.read_curve()) == 1
    assert left.read_record() is None


def test_an_interrupted_run_leaves_no_record(job: MakeJob, monkeypatch: pytest.MonkeyPatch):
    def train(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(
        sys.modules, "vsebench.retrieval.training.train", SimpleNamespace(train=train)
    )
    with pytest.raises(KeyboardInterrupt):
        run(job(doing("nothing")))
    assert RunDirectory(job(doing("nothing")).directory).read_record() is None
