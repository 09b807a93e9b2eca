"""Which runs are executed, in which order, what is reported of them, and what becomes of those that
end badly and of those behind them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from vsebench.plugin import others
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import holder, is_held
from vsebench.results.folder.process import machine_id, start_time
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.executors.grid import WORKERS, Elsewhere, Folder, executed, reference
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.plugin.jobs import Event, Job
    from vsebench.results.folder.lease import Holder
    from vsebench.testing.subject import Subject

GRACE_SECONDS = 10.0
"""For the processes of an executor that was interrupted to end."""

_NOT_SHARED: Any = {
    "spec": {"environment"},
    "provenance": {"started", "host", "device_name"},
    "cost": True,
}
"""Fields of a record that two equal runs do not share."""


@promise
def executes_every_run_once(subject: Subject) -> None:
    """Every run is executed once, also one that fails; one that cannot be is not."""
    grid = executed(subject)
    with Trial("runs of which some fail, and some cannot be executed") as case:
        for job in grid.jobs:
            expected = 0 if job in (*grid.put_off, grid.blocked) else 1
            found = grid.folder.executions(job)
            case.require(
                found == expected,
                "a run is not executed as often as it should be",
                expected=_times(expected),
                found=_times(found),
            )


@promise
def what_a_run_needs_comes_first(subject: Subject) -> None:
    """A run starts when those that it depends on have ended, in whatever order they are given."""
    grid = executed(subject)
    with Trial("a run that is given before the one that it depends on") as case:
        case.require(
            grid.folder.when(grid.first, "finished") < grid.folder.when(grid.second, "started"),
            "a run starts before one that it depends on has ended",
            expected="'finished' of the one, then 'started' of the other",
            found=f"of the other: {_words(grid.folder.of(grid.second))}",
        )


@promise
def reports_in_order(subject: Subject) -> None:
    """In one thread it reports that a run was started, then all that the run says, in order."""
    grid, local = executed(subject), reference()
    with Trial("runs that end well") as case:
        case.require(
            len(grid.folder.threads) == 1,
            "it reports in several threads",
            expected="one, for whoever is told does not expect two at a time",
            found=str(len(grid.folder.threads)),
        )
        for job in (grid.first, grid.second, grid.plain):
            found, expected = (
                [event for event in folder.of(job) if event["event"] != "queued"]
                for folder in (grid.folder, local.folder)
            )
            case.require(
                found == expected,
                "it does not report what a run says",
                expected=_words(expected),
                found=_words(found),
            )


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _words(events: list[Event]) -> str:
    return ", ".join(str(event.get("phase", event["event"])) for event in events) or "nothing"


@promise
def a_failed_run_stops_no_other(subject: Subject) -> None:
    """A run that fails is reported, one that needs it is reported as blocked, all others are
    executed.
    """
    grid = executed(subject)
    with Trial("a run that raises an error, one that needs it, and others") as case:
        _ended(case, grid.folder, grid.failing, "failed")
        _ended(case, grid.folder, grid.blocked, "blocked")
        for job in (grid.first, grid.second, grid.plain):
            _ended(case, grid.folder, job, "done")
        for job, status in ((grid.failing, "failed"), (grid.blocked, "blocked")):
            record = RunDirectory(job.directory).read_record()
            case.require(
                record is not None and record.status == status,
                "a run left no record of how it ended",
                expected=status,
                found="no record" if record is None else record.status,
            )


@promise
def a_killed_run_is_reported(subject: Subject) -> None:
    """A run whose process is killed is reported as died, with the reason, and takes no other with
    it.
    """
    grid = executed(subject)
    with Trial("a run whose process is ended by SIGKILL, beside others") as case:
        _ended(case, grid.folder, grid.dying, "died")
        reason = grid.folder.of(grid.dying)[-1].get("reason")
        case.require(
            isinstance(reason, str) and bool(reason),
            "it does not say how the process ended",
            expected="a reason, in words",
            found=repr(reason),
        )
        for job in (grid.first, grid.second, grid.plain):
            _ended(case, grid.folder, job, "done")


@promise
def a_busy_run_is_put_off(subject: Subject) -> None:
    """A run that another process works on is reported as busy, as are those that need it; given
    again, they are executed.
    """
    grid = executed(subject)
    with Trial("a run that another process works on, and two that need it") as case:
        for job in grid.put_off:
            _ended(case, grid.folder, job, "busy")
        again = Folder(grid.folder.out)
        again.execute(subject.build(workers=WORKERS), grid.put_off)
        for job in grid.put_off:
            _ended(case, again, job, "done")


@promise
def a_run_that_others_end_has_ended(subject: Subject) -> None:
    """A busy run that another process then executes, and with it one that needs it, are reported as
    ended while others are executed.
    """
    folder = Folder()
    held = folder.job(0)
    needing, first = folder.job(1, held), folder.job(2)
    second = folder.job(3, first)
    elsewhere = (held, needing)
    with Elsewhere() as other, Trial("two runs that another process executes, and others") as case:

        def watch(run_id: str, event: Event) -> None:
            if run_id == held.run_id and event["event"] in ("queued", "started"):
                other.hold(held)
            elif run_id == needing.run_id and event["event"] == "busy":
                other.execute(folder.out, elsewhere)

        with patch.object(others, "EXPIRY_SECONDS", 0.0):  # it looks whenever it may
            jobs = (*elsewhere, first, second, folder.job(4, second))
            folder.execute(subject.build(workers=WORKERS), jobs, watch)
        for job in elsewhere:
            _ended(case, folder, job, "busy", "done")


@promise
def an_interrupt_leaves_no_process(subject: Subject) -> None:
    """What is raised while it executes comes out of it, and the processes of its runs are ended."""
    folder = Folder()
    job = folder.job(0, do="hold")
    at_work: list[Holder] = []

    def interrupt(_: str, event: Event) -> None:
        if event["event"] == "phase":
            found = holder(job.directory)
            at_work.extend([found] if found is not None else [])
            raise KeyboardInterrupt

    with Trial("an interrupt while a run is executed") as case:
        try:
            folder.execute(subject.build(workers=WORKERS), [job], interrupt)
        except KeyboardInterrupt:
            pass
        else:
            raise case.failure("it continues", expected="KeyboardInterrupt", found="no error")
        if not at_work or at_work[0].machine != machine_id() or at_work[0].started is None:
            raise NotCheckedError("its processes are on another machine, or cannot be told apart")
        end = time.monotonic() + GRACE_SECONDS
        while is_held(job.directory) and time.monotonic() < end:
            time.sleep(0.05)
        case.require(
            start_time(at_work[0].pid) != at_work[0].started,
            "a run is still executed",
            expected=f"no process after {GRACE_SECONDS:g} s",
            found=f"process {at_work[0].pid}",
        )


@promise
def gives_the_records_of_the_local_executor(subject: Subject) -> None:
    """Records, curves and models are those of the local executor, to the bit, but for what clocks
    and machines say.
    """
    grid, local = executed(subject), reference()
    with Trial("three runs, one after another one") as case:
        for job, other in (
            (grid.first, local.first),
            (grid.second, local.second),
            (grid.plain, local.plain),
        ):
            found, expected = _left_by(job), _left_by(other)
            for name, value in expected.items():
                case.require(
                    found.get(name) == value,
                    f"its {name} is not that of the local executor",
                    expected=_short(value),
                    found=_short(found.get(name)),
                )


def _ended(case: Trial, folder: Folder, job: Job, *expected: str) -> None:
    found = folder.ends(job)
    case.require(
        found == [*expected],
        "a run does not end as it should",
        expected=f"that it ended once: {', then '.join(expected)}",
        found=", ".join(found) or "nothing",
    )


def _left_by(job: Job) -> dict[str, Any]:
    """What a run left, by what it is called."""
    directory = RunDirectory(job.directory)
    record = directory.read_record()
    if record is None or record.status != "done":
        return {}
    return {
        "record": record.model_dump(exclude=_NOT_SHARED),
        "curve": [
            point.model_dump(exclude={"seconds", "cpu_seconds"}) for point in directory.read_curve()
        ],
        "model": directory.best_path.read_bytes(),
    }


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"
