"""A run whose command is stopped, so that nobody ends it where it hangs: another command on the
folder takes it over, within the limit.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import component
from tests.grid.conftest import doing
from tests.grid.fake_training import wait_until
from vsebench.grid import run as grid_run
from vsebench.grid.plan import Plan
from vsebench.grid.run import run_plan
from vsebench.results.folder import lease
from vsebench.results.folder.lease import holder, is_held
from vsebench.results.folder.process import machine_id, start_time
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.grid.run import GridOutcome
    from vsebench.results.spec import RunSpec

pytestmark = [
    pytest.mark.skipif(machine_id() is None, reason="processes are told apart by Linux's /proc"),
    pytest.mark.usefixtures("started"),
]

STALL, EXPIRY = 2.0, 3.0

COMMAND = """
import json, sys
from pathlib import Path
from tests.factories import component
from vsebench.grid import forking
from vsebench.grid import run as grid_run
from vsebench.grid.plan import Plan
from vsebench.plugin import Limits
from vsebench.results.spec import RunSpec
forking.AVAILABLE, grid_run.POLL_SECONDS = {}, 0.1
run = RunSpec.model_validate_json(sys.stdin.readline())
limits = Limits(stall=float(sys.argv[2]))
plan = Plan((run,), component("local"), 1, Path(sys.argv[1]), limits=limits)
outcome = grid_run.run_plan(plan, reporter=lambda _, event: print(json.dumps(event), flush=True))
sys.exit(len(outcome.failed))
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases expire early, as this process and those of runs see it."""
    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(lease, "EXPIRY_SECONDS", EXPIRY)
    monkeypatch.setattr(lease, "LOCAL_EXPIRY_SECONDS", EXPIRY)
    monkeypatch.setenv("EXPIRY", str(EXPIRY))


@contextmanager
def stopped_command(out: Path, run: RunSpec, started: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is stopped while it executes the run."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(started == "forked"), str(out), str(STALL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as command:
        try:
            assert command.stdin is not None
            command.stdin.write(run.model_dump_json() + "\n")
            command.stdin.flush()
            wait_until(lambda: any(out.glob("pid-*")))
            command.send_signal(signal.SIGSTOP)
            yield command
        finally:
            command.kill()


def pids(out: Path) -> list[int]:
    """Processes of the run, in the order in which they began."""
    found = sorted(out.glob("pid-*"), key=lambda path: path.stat().st_mtime_ns)
    return [int(path.name.partition("-")[2]) for path in found]


def execute_too(out: Path, run: RunSpec) -> GridOutcome:
    return run_plan(Plan((run,), component("local"), 1, out))


def ends_well(command: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Waits for the end of a command; what its runs said."""
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 0
    return [json.loads(line) for line in said.splitlines()]


def test_another_command_takes_over_what_hangs_and_who_wakes_up_notices(
    out: Path, started: str
) -> None:
    run = doing("hang once")
    (out / "go").touch()
    with stopped_command(out, run, started) as command:
        path = Store(out).directory_for(run).path
        found = holder(path)
        assert found is not None
        assert found.stall == STALL
        wait_until(lambda: not is_held(path))
        outcome = execute_too(out, run)
        assert (outcome.failed, outcome.blocked) == ((), ())
        first, _ = pids(out)
        assert start_time(first) is not None
        before = {path: path.stat().st_mtime_ns for path in left_of(out, run)}
        (out / "woken").touch()
        wait_until(lambda: start_time(first) is None)
        assert {path: path.stat().st_mtime_ns for path in left_of(out, run)} == before
        command.send_signal(signal.SIGCONT)
        said = ends_well(command)
    assert {"event": "busy", "reason": "another process has taken the run over"} in said
    assert said[-1] == {"event": "finished", "status": "done"}
    assert (out / "order.txt").read_text() == "triplet 0\ntriplet 0\n"


def left_of(out: Path, run: RunSpec) -> list[Path]:
    return [path for path in Store(out).directory_for(run).path.iterdir() if path.name != "run.log"]


def test_a_command_that_continues_ends_what_hangs_and_waits_for_who_took_it_over(
    out: Path, started: str
) -> None:
    run = doing("hang once")
    other = threading.Thread(target=execute_too, args=(out, run), daemon=True)
    with stopped_command(out, run, started) as command:
        other.start()
        wait_until(lambda: len(pids(out)) == 2)
        first, second = pids(out)
        command.send_signal(signal.SIGCONT)
        assert command.stdout is not None
        kinds = (json.loads(line)["event"] for line in command.stdout)
        assert next(kind for kind in kinds if kind in ("busy", "finished")) == "busy"
        assert start_time(first) is None
        assert start_time(second) is not None
        (out / "go").touch()
        other.join(60)
        assert ends_well(command)[-1] == {"event": "finished", "status": "done"}
    assert (out / "order.txt").read_text() == "triplet 0\ntriplet 0\n"


def test_who_makes_progress_is_not_robbed(out: Path, started: str) -> None:
    """It takes longer than it may hang and a lease lasts, together."""
    run = doing("steadily")
    with stopped_command(out, run, started) as command:
        outcome = execute_too(out, run)
        assert (outcome.failed, outcome.blocked) == ((), ())
        assert len(pids(out)) == 1
        command.send_signal(signal.SIGCONT)
        ends_well(command)
    assert (out / "order.txt").read_text() == "triplet 0\n"
