"""The process of one run: what it says, and that it never outlives its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.grid.conftest import doing
from tests.grid.fake_training import wait_until
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease, is_held
from vsebench.results.folder.process import start_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.grid.conftest import MakeJob
    from vsebench.plugin import Job

PARENT = """
import sys
from pathlib import Path
from vsebench.grid.local import RunProcess
from vsebench.grid.job import job_of
from vsebench.results.spec import RunSpec
spec = RunSpec.model_validate_json(sys.stdin.readline())
RunProcess(job_of(spec, Path(sys.argv[1])), lambda event: None)
sys.stdin.read()
"""


@contextmanager
def start(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python with these arguments, on this process's search path, with pipes on all sides. It has
    ended behind the block, whatever fails there.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def listen(job: Job) -> tuple[list[dict[str, object]], str, int]:
    """A worker's events, what it printed, and its exit code."""
    with start("-m", "vsebench.grid.worker", str(job.directory)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        # its end of input, which would end it, comes after it has ended
        process.stdin.write(job.spec + "\n")
        process.stdin.flush()
        events = [json.loads(line) for line in process.stdout]
        return events, process.stderr.read(), process.wait()


def test_a_run_goes_on_while_nobody_listens(job: MakeJob):
    """As where its command is stopped; it then says no more than how it ended."""
    made = job(doing("talk"))
    with start("-m", "vsebench.grid.worker", str(made.directory)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(made.spec + "\n")
        process.stdin.flush()
        wait_until(lambda: RunDirectory(made.directory).is_done)
        wait_until(lambda: not is_held(made.directory))
        events = [json.loads(line) for line in process.stdout]
    assert 0 < sum(event["event"] == "step" for event in events) < 5000
    assert events[-1] == {"event": "finished", "status": "done", "result": "RSUM 1.0"}


def test_events_come_on_standard_output_and_nothing_else_does(job: MakeJob):
    events, printed, code = listen(job(doing("chatter")))
    assert events == [
        {"event": "phase", "phase": "training"},
        {"event": "finished", "status": "done", "result": "RSUM 1.0"},
    ]
    assert printed == "said on standard output\nsaid on standard error\n"
    assert code == 0


def test_a_run_that_is_held_elsewhere_is_reported_busy(job: MakeJob):
    held = job(doing("nothing"))
    assert Lease.claim(held.directory) is not None
    ((event,), printed, code) = listen(held)
    assert (event["event"], printed, code) == ("busy", "", 0)
    # whoever shows it names the run
    assert str(event["reason"]).startswith(f"it is being run by process {os.getpid()} on ")


def test_a_worker_without_a_spec_ends_at_once(job: MakeJob):
    directory = job(doing("nothing")).directory
    with start("-m", "vsebench.grid.worker", str(directory)) as process:
        assert process.communicate() == ("", "")
        assert process.returncode == 1
    assert not directory.exists()


@pytest.mark.parametrize(("deed", "sign"), [("hold", "holding"), ("stuck", "pid")])
def test_a_worker_dies_when_its_parent_is_killed(job: MakeJob, out: Path, deed: str, sign: str):
    """Also where native code lets no thread of its own end it."""
    wanted = job(doing(deed))
    with start("-c", PARENT, str(wanted.directory)) as parent:
        assert parent.stdin is not None
        parent.stdin.write(wanted.spec + "\n")
        parent.stdin.flush()
        wait_until(lambda: any(out.glob(f"{sign}-*")))
        worker = int(next(out.glob(f"{sign}-*")).name.partition("-")[2])
        assert worker != parent.pid
        assert start_time(worker) is not None
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    wait_until(lambda: start_time(worker) is None)
    assert RunDirectory(wanted.directory).read_record() is None
    assert Lease.claim(wanted.directory) is not None
