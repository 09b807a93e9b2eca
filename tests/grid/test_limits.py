"""Nothing hangs without limit: what does is ended and named, and the other runs are made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.conftest import doing
from tests.grid.fake_training import wait_until
from tests.grid.test_local import Events
from vsebench.grid import forking, local, patience
from vsebench.grid.job import job_of
from vsebench.grid.local import LocalExecutor, next_event
from vsebench.grid.patience import parse_event, whereabouts
from vsebench.plugin import Limits
from vsebench.results.folder.process import start_time
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from vsebench.grid.local import RunProcess
    from vsebench.results.spec import RunSpec

SHORT = Limits(stall=2.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(patience, "LINGER_SECONDS", 1.0)


def run(out: Path, limited: RunSpec, *others: RunSpec, limits: Limits = SHORT) -> Events:
    """Two at a time; the first of them has limits."""
    events = Events()
    jobs = [
        job_of(spec, Store(out).directory_for(spec).path, limits if spec is limited else Limits())
        for spec in (limited, *others)
    ]
    LocalExecutor(2).execute(jobs, events)
    return events


def reason(events: Events, spec: RunSpec) -> str:
    assert events.last(spec)["event"] == "died"
    return str(events.last(spec)["reason"])


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("deed", ["loop", "stuck", "stop"])
def test_a_run_without_progress_is_ended_and_no_other(out: Path, deed: str) -> None:
    hanging, other = doing(deed, 0), doing("nothing", 1)
    events = run(out, hanging, other)
    said = reason(events, hanging)
    assert said.startswith(
        "it made no progress for 0.0333333 minutes, which --stall-timeout sets, in its phase "
        "'training'"
    )
    if deed != "stop":
        assert f"it was in '{deed}' (" in said
        assert "sitecustomize.py, line " in said
    assert events.last(other)["status"] == "done"
    pid = int(next(out.glob("pid-*")).name.partition("-")[2])
    wait_until(lambda: start_time(pid) is None)


def test_a_run_that_takes_longer_than_it_may_is_ended(out: Path) -> None:
    """Progress does not help it."""
    events = run(out, doing("on and on", 0), limits=Limits(total=2.0, stall=60.0))
    said = reason(events, doing("on and on", 0))
    assert said.startswith("it took longer than 0.0333333 minutes, which --run-timeout sets; it ")


def test_a_process_that_never_begins_is_ended(
    out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where an import hangs."""
    monkeypatch.setattr(patience, "STARTING_SECONDS", 1.0)
    monkeypatch.setattr(forking, "AVAILABLE", False)
    module = tmp_path / "hangs" / "vsebench_hangs.py"
    module.parent.mkdir()
    module.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("HANG_ON", module.stem)
    monkeypatch.syspath_prepend(module.parent)
    said = reason(run(out, doing("nothing", 0)), doing("nothing", 0))
    assert "in its phase 'starting'" in said


def test_a_run_that_tells_of_progress_is_not_ended(out: Path) -> None:
    events = run(out, doing("slowly", 0), limits=Limits(stall=6.0))
    assert events.last(doing("slowly", 0))["status"] == "done"


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("deed", ["thread", "child"])
def test_what_a_run_leaves_behind_holds_nobody_up(out: Path, deed: str) -> None:
    leaving, other = doing(deed, 0), doing("nothing", 1)
    events = run(out, leaving, other)
    assert events.last(leaving) == {"event": "finished", "status": "done", "result": "RSUM 1.0"}
    assert events.last(other)["status"] == "done"
    assert Store(out).directory_for(leaving).is_done
    left = int(next(out.glob("left-*")).name.partition("-")[2])
    wait_until(lambda: start_time(left) is None)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs waitid")
def test_a_process_that_ends_while_it_is_killed_is_waited_for_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever kills it does not take its end from the thread that waits for that."""
    process = local._NewProcess(subprocess.Popen([sys.executable, "-c", ""], process_group=0))
    waitid = os.waitid

    def killed_meanwhile(*what: int) -> object:
        waitid(*what)
        process.kill()
        return waitid(*what)

    monkeypatch.setattr(os, "waitid", killed_meanwhile)
    assert process.wait() == process.wait() == 0
    process.kill()


@pytest.mark.parametrize(
    "line", ["no json", "[1]", '{"event": "died"}', '{"event": "step"}', "[" * 200_000]
)
def test_garbage_among_the_events_ends_its_run_alone(
    out: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "garbage").write_text(line)
    garbling, other = doing("garble", 0), doing("nothing", 1)
    events = run(out, garbling, other)
    assert reason(events, garbling).startswith("something in its process wrote b")
    assert "among its events" in reason(events, garbling)
    assert events.last(other)["status"] == "done"


@pytest.mark.parametrize(
    "event",
    [
        {"event": "phase", "phase": "training"},
        {"event": "step", "step": 1, "steps": 2, "epoch": 0, "epochs": 1},
        {"event": "evaluated", "step": 1, "steps": 2, "loss": 0.5, "rsum": 1.5},
        {"event": "finished", "status": "done"},
        {"event": "of another task", "anything": [1]},
    ],
)
def test_an_event_is_taken_as_it_is(event: dict[str, Any]) -> None:
    assert parse_event(json.dumps(event).encode()) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "1",
        "\\xff",
        '{"event": 1}',
        '{"event": "phase"}',
        '{"event": "phase", "phase": 1}',
        '{"event": "step", "step": "1", "steps": 2}',
        '{"event": "evaluated", "step": 1, "loss": "low"}',
        '{"event": "died", "reason": ""}',
        '{"event": "skipped"}',
    ],
)
def test_what_is_no_event(text: str) -> None:
    assert parse_event(text.encode()) is None


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", ""),
        ("printed\n", ""),
        (
            (
                'Thread 0x1 (most recent call first):\n  File "/a.py", line 1 in wait\n\n'
                'Current thread 0x2 (most recent call first):\n  File "/b.py", line 2 in forward\n'
                '  File "/c.py", line 3 in step\nprinted\n'
            ),
            "it was in 'forward' (/b.py, line 2)",
        ),
        (
            (
                'Current thread 0x2 (most recent call first):\n  File "{json}", line 9 in loads\n'
                '  File "/b.py", line 2 in forward\n'
            ),
            "it was in 'forward' (/b.py, line 2)",
        ),
        (
            'Current thread 0x2 (most recent call first):\n  File "{json}", line 9 in loads\n',
            "it was in 'loads' ({json}, line 9)",
        ),
    ],
)
def test_the_innermost_frame_of_neither_python_nor_a_library_is_named(
    log: str, expected: str
) -> None:
    path = json.__file__
    assert whereabouts(log.replace("{json}", path)) == expected.replace("{json}", path)


def test_without_limits_nothing_is_ended_early(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    following: Callable[..., Any] = local.next_event

    def noting(inbox: object, processes: Collection[RunProcess]) -> Any:
        asked.append(min(each.patience_ends for each in processes))
        return following(inbox, processes)

    monkeypatch.setattr(local, "next_event", noting)
    assert run(out, doing("nothing"), limits=Limits()).last(doing("nothing"))["status"] == "done"
    assert asked[0] == float("inf")


class _Waiting:
    """A process that is waited for until a time, as far as `next_event` knows it."""

    def __init__(self, until: float) -> None:
        self.patience_ends, self.ended = until, False

    def wait_longer(self, seconds: float) -> None:
        self.patience_ends += seconds

    def end_if_overdue(self) -> None:
        self.ended |= time.monotonic() >= self.patience_ends


class _Inbox:
    """Is empty until as many looks at it have taken these seconds."""

    def __init__(self, *seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seconds, self._now = [*seconds], 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self._now)

    def get(self, timeout: float) -> str:
        self._now += self._seconds.pop(0) if self._seconds else timeout
        if self._seconds:
            raise Empty
        return "event"


@pytest.mark.parametrize(
    ("seconds", "ended"),
    [((1, 1, 1), False), ((1,) * 20, True), ((1, 3600, 1), False), ((1, 3600), False)],
)
def test_what_passes_while_the_command_is_stopped_is_not_of_a_runs_time(
    seconds: tuple[float, ...], ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = _Waiting(10.0)
    assert next_event(_Inbox(*seconds, monkeypatch=monkeypatch), [process]) == "event"  # type: ignore[arg-type,list-item]
    assert process.ended == ended
    assert process.patience_ends == (10 + 3599 if 3600 in seconds else 10)
