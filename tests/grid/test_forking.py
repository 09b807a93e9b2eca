"""Runs forked from a process that has loaded what they need: as good as new ones, and when that
process cannot serve them, new ones.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.conftest import doing, printed_in
from tests.grid.fake_training import wait_until
from tests.grid.test_local import Events, run
from tests.grid.test_worker import start
from vsebench.grid import forking, local
from vsebench.grid.forking import preloading, preloading_for
from vsebench.grid.local import LocalExecutor
from vsebench.grid.suite import make_suite
from vsebench.plugin.jobs import Limits
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.process import start_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.grid.conftest import MakeJob

pytestmark = pytest.mark.skipif(not forking.AVAILABLE, reason="needs Linux")

PARENT = """
import sys
from pathlib import Path
from vsebench.grid.forking import preloading
from vsebench.grid.local import RunProcess
from vsebench.grid.job import job_of
from vsebench.results.spec import RunSpec
spec = RunSpec.model_validate_json(sys.stdin.readline())
job = job_of(spec, Path(sys.argv[1]))
with preloading() as server:
    RunProcess(job, lambda event: None, server=server)
    print(server._process.pid, flush=True)
    sys.stdin.read()
"""


def parents(job: MakeJob, out: Path, *seeds: int) -> list[int]:
    """Runs one after the other, and tells whose children their processes were."""
    specs = [doing("parent", seed) for seed in seeds]
    events = run(job, *specs, workers=1)
    assert all(events.last(spec)["status"] == "done" for spec in specs)
    return [int((out / f"parent-{seed}").read_text()) for seed in seeds]


def server_pid() -> int:
    server = forking._current.get()
    assert server is not None
    return server._process.pid


def test_runs_are_forked_from_one_process_that_ends_with_the_executor(job: MakeJob, out: Path):
    first, second = parents(job, out, 0, 1)
    assert first == second != os.getpid()
    assert start_time(first) is None


def test_executors_within_the_context_share_the_process(job: MakeJob, out: Path):
    with preloading(), preloading():
        pid = server_pid()
        assert parents(job, out, 0) + parents(job, out, 1) == [pid, pid]
    assert start_time(pid) is None


def test_a_run_finds_its_process_as_a_new_one_whatever_the_run_before_did_to_its_own(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    run(job, doing("state", 0), doing("state", 1), workers=1)
    monkeypatch.setattr(forking, "AVAILABLE", False)
    run(job, doing("state", 2))
    first, second, new = (json.loads((out / f"state-{seed}.json").read_text()) for seed in range(3))
    for found in (first, second, new):
        found["arguments"].pop()  # the directory of the run
    assert first == second == new
    assert new["stain"] is False
    drawn = [(out / f"random-{seed}").read_text() for seed in range(3)]
    assert len(set(drawn)) == 3


def test_runs_that_a_fork_would_not_serve_get_new_processes(job: MakeJob, out: Path):
    threaded, plain = doing("parent", 0), doing("parent", 1)
    protocol = threaded.protocol.model_copy(update={"threads": 2})
    on_cuda = doing("parent", 2).model_copy(update={"device": "cuda"})
    run(job, threaded.model_copy(update={"protocol": protocol}), plain, on_cuda)
    found = [int((out / f"parent-{seed}").read_text()) for seed in range(3)]
    assert [pid == os.getpid() for pid in found] == [True, False, True]


def test_a_changed_environment_is_the_runs(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    """They are forked from another process then."""
    with preloading():
        outer = server_pid()
        monkeypatch.setenv("CHANGED", "since")
        run(job, doing("tell"))
        (parent,) = parents(job, out, 1)
    assert json.loads((out / "environment.json").read_text())["CHANGED"] == "since"
    assert parent not in (outer, os.getpid())


def test_a_run_works_where_this_process_has_moved_to(
    job: MakeJob, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with preloading():
        pid = server_pid()
        monkeypatch.chdir(tmp_path)
        run(job, doing("state"))
        assert parents(job, out, 1) == [pid]
    assert json.loads((out / "state-0.json").read_text())["folder"] == str(tmp_path)


@pytest.mark.parametrize("trouble", ["starts a thread", "fails"])
def test_where_nothing_can_be_forked_processes_are_new(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
):
    monkeypatch.setenv("LOADING", trouble)
    assert parents(job, out, 0, 1) == [os.getpid()] * 2
    assert printed_in(RunDirectory(job(doing("parent")).directory).log_path) == ""


def test_what_loading_prints_opens_the_log_of_every_run(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOADING", "prints")
    run(job, doing("nothing", 0), doing("chatter", 1))
    logs = [
        printed_in(RunDirectory(job(spec).directory).log_path)
        for spec in (doing("nothing", 0), doing("chatter", 1))
    ]
    assert logs[0] == "said while loading\n"
    assert logs[1].startswith("said while loading\nsaid on standard output\n")


def test_when_the_process_is_killed_its_runs_end_well_and_the_next_are_new(job: MakeJob, out: Path):
    held, next_one = doing("hold"), doing("parent", 1)
    told = Events()

    def kill_when_held(run_id: str, event: dict[str, object]) -> None:
        told(run_id, event)
        if run_id == held.run_id and event["event"] == "phase":
            wait_until(lambda: any(out.glob("holding-*")))
            os.kill(pid, signal.SIGKILL)
            (out / "go").touch()

    with preloading():
        pid = server_pid()
        LocalExecutor(1).execute([job(held), job(next_one)], kill_when_held)
    assert [told.last(spec)["status"] for spec in (held, next_one)] == ["done", "done"]
    assert (out / "parent-1").read_text() == str(os.getpid())


def when_begun(told: Events, act: Callable[[], None]) -> Callable[[str, dict[str, object]], None]:
    """Tells events, and acts at each phase that a run enters."""

    def hear(run_id: str, event: dict[str, object]) -> None:
        told(run_id, event)
        if event["event"] == "phase":
            act()

    return hear


def test_a_run_may_outlive_the_process_by_far(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local, "GRACE_SECONDS", 0.1)
    told = Events()

    def kill_when_held() -> None:
        wait_until(lambda: any(out.glob("holding-*")))
        os.kill(pid, signal.SIGKILL)
        threading.Timer(1.0, (out / "go").touch).start()

    with preloading():
        pid = server_pid()
        LocalExecutor(1).execute([job(doing("hold"))], when_begun(told, kill_when_held))
    assert told.last(doing("hold"))["status"] == "done"


def test_when_the_process_is_stopped_the_next_runs_are_new_ones(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forking, "ANSWER_SECONDS", 0.2)
    with preloading():
        pid = server_pid()
        assert parents(job, out, 0) == [pid]
        os.kill(pid, signal.SIGSTOP)
        assert parents(job, out, 1, 2) == [os.getpid()] * 2


def test_a_run_of_a_stopped_process_has_its_limits(
    job: MakeJob, out: Path, monkeypatch: pytest.MonkeyPatch
):
    """Even where it is stopped itself."""
    monkeypatch.setattr(forking, "_LAST_WORD_SECONDS", 0.1)
    told, spec = Events(), doing("stop")

    def stop() -> None:
        os.kill(pid, signal.SIGSTOP)

    with preloading():
        pid = server_pid()
        limited = replace(job(spec), limits=Limits(stall=0.5))
        LocalExecutor(1).execute([limited], when_begun(told, stop))
    assert "it made no progress" in told.last(spec)["reason"]
    worker = int(next(out.glob("pid-*")).name.partition("-")[2])
    wait_until(lambda: start_time(worker) is None)


def test_a_run_that_dies_with_the_process_is_told_of(job: MakeJob, out: Path):
    told = Events()

    def kill_both() -> None:
        wait_until(lambda: any(out.glob("holding-*")))
        os.kill(pid, signal.SIGKILL)
        os.kill(int(next(out.glob("holding-*")).name.partition("-")[2]), signal.SIGKILL)

    with preloading():
        pid = server_pid()
        LocalExecutor(1).execute([job(doing("hold"))], when_begun(told, kill_both))
    assert told.last(doing("hold"))["event"] == "died"
    assert "and the one that it was forked from were ended" in told.last(doing("hold"))["reason"]


def test_everything_ends_when_the_parent_is_killed(job: MakeJob, out: Path):
    wanted = job(doing("hold"))
    with start("-c", PARENT, str(wanted.directory)) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(wanted.spec + "\n")
        parent.stdin.flush()
        server = int(parent.stdout.readline())
        wait_until(lambda: any(out.glob("holding-*")))
        worker = int(next(out.glob("holding-*")).name.partition("-")[2])
        assert worker not in (server, parent.pid)
        assert start_time(server) is not None
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    wait_until(lambda: start_time(worker) is None and start_time(server) is None)
    assert RunDirectory(wanted.directory).read_record() is None


def test_a_run_that_holds_the_interpreter_ends_with_its_parent(job: MakeJob, out: Path):
    """No thread of its own can end it then."""
    wanted = job(doing("stuck"))
    with start("-c", PARENT, str(wanted.directory)) as parent:
        assert parent.stdin is not None
        parent.stdin.write(wanted.spec + "\n")
        parent.stdin.flush()
        wait_until(lambda: any(out.glob("pid-*")))
        worker = int(next(out.glob("pid-*")).name.partition("-")[2])
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    wait_until(lambda: start_time(worker) is None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"device": "cpu"}, True),
        ({"device": "cuda"}, False),
        ({"device": "cpu", "executor": "cluster"}, False),
        ({}, True),
    ],
)
def test_it_is_started_before_planning_where_it_will_be_used(
    options: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forking, "_NVIDIA", ())
    started: list[list[str]] = []

    class Started(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            started.append(command)
            super().__init__(command, **options)

    monkeypatch.setattr("vsebench.grid.forking.subprocess.Popen", Started)
    with preloading_for(make_suite(options, "test")):
        assert bool(started) is expected


def test_with_a_device_of_nvidia_auto_waits_for_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forking, "_NVIDIA", (tmp_path,))
    with preloading_for(make_suite({}, "test")):
        assert forking._current.get() is None
    with preloading_for(make_suite({"device": "cpu"}, "test")):
        assert forking._current.get() is not None
