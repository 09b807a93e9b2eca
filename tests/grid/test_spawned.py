"""A run in a process of its own, as plugin executors start it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.grid.conftest import doing
from tests.grid.fake_training import wait_until
from vsebench.grid.job import environment
from vsebench.kernels.devices import RUNS_ON_DEVICE
from vsebench.plugin import Limits, spawn, worked_on
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.process import start_time

if TYPE_CHECKING:
    from pathlib import Path

    from tests.grid.conftest import MakeJob
    from vsebench.plugin import Message


def test_what_a_run_says_is_passed_on_in_the_thread_that_waits(job: MakeJob):
    heard: list[Message] = []
    threads = set()

    def send(message: Message) -> None:
        heard.append(message)
        threads.add(threading.get_ident())

    made = job(doing("nothing"))
    reason = spawn(made, send).wait()
    assert [(run_id, event["event"]) for run_id, event in heard] == [
        (made.run_id, "phase"),
        (made.run_id, "finished"),
    ]
    assert threads == {threading.get_ident()}
    assert reason.startswith("its process ended with code 0")
    assert RunDirectory(made.directory).is_done


def test_how_a_process_was_killed_is_said(job: MakeJob):
    heard: list[Message] = []
    reason = spawn(job(doing("die")), heard.append).wait()
    assert reason.startswith("its process was ended by SIGKILL")
    assert [event["event"] for _, event in heard] == ["phase"]


def test_its_limits_are_kept(job: MakeJob):
    made = replace(job(doing("loop")), limits=Limits(total=1.0))
    reason = spawn(made, lambda message: None).wait()
    assert reason.startswith("it took longer than")


@pytest.mark.parametrize("asked", [True, False], ids=["at its checkpoint", "without one in time"])
def test_a_run_is_stopped_and_anyone_may_resume_it_at_once(job: MakeJob, out: Path, asked: bool):
    made = job(doing("checkpoints"))
    run = spawn(made, lambda message: None)
    waiting = threading.Thread(target=run.wait)
    waiting.start()
    checkpoint = RunDirectory(made.directory).checkpoint_path
    wait_until(checkpoint.exists)
    (pid,) = (int(path.name.partition("-")[2]) for path in out.glob("pid-*"))
    assert worked_on(made)
    before = checkpoint.stat().st_ino
    if asked:
        (out / "checkpoint").touch()
    run.stop(checkpoint_within=20.0 if asked else 0.3)
    waiting.join(20)
    assert not waiting.is_alive()
    assert (checkpoint.stat().st_ino != before) == asked
    assert start_time(pid) is None
    # other machines, which cannot see that the process has ended, need not wait for two minutes
    (lease,) = made.directory.glob("lease-*.json")
    assert "released" in lease.read_text()
    again = Lease.claim(made.directory)
    assert again is not None
    again.release()


def test_a_run_that_ends_while_it_is_asked_to_stop_has_ended(job: MakeJob, out: Path):
    made = job(doing("hold"))
    heard: list[Message] = []
    run = spawn(made, heard.append)
    waiting = threading.Thread(target=run.wait)
    waiting.start()
    wait_until(lambda: any(out.glob("holding-*")))
    threading.Timer(0.2, (out / "go").touch).start()
    began = time.monotonic()
    run.stop(checkpoint_within=60.0)
    waiting.join(20)
    assert time.monotonic() - began < 30
    assert heard[-1][1]["status"] == "done"


def test_a_run_knows_how_many_share_its_device_where_another_one_deals_them_out():
    assert RUNS_ON_DEVICE not in environment(1)
    assert environment(1, share=0.25)[RUNS_ON_DEVICE] == "4"
