"""One run, from its spec to its record."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from vsebench.grid.patience import PROGRESS
from vsebench.grid.run_log import RunLog
from vsebench.plugin.errors import VsebenchError
from vsebench.plugin.host.contain import check_unchanged, noted
from vsebench.plugin.specs import looking_in
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease, holder
from vsebench.results.folder.store import Store
from vsebench.results.observers import Observers
from vsebench.results.plugins import plugins_of
from vsebench.results.record import DivergenceError, RunRecord
from vsebench.results.spec import read_spec
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.plugin.jobs import Status
    from vsebench.results.spec import AnySpec

    Events = Callable[[dict[str, object]], None]


class FolderRemoved(VsebenchError):  # noqa: N818  # named like FileNotFoundError's kin
    """The run's directory was removed while it ran."""


class RunBusy(VsebenchError):  # noqa: N818  # a state to wait out, not a fault
    """Another process works on the run or on one that it depends on: try again later.

    Attributes:
        reason: what the run waits for, without its name.
    """

    def __init__(self, spec: AnySpec, reason: str) -> None:
        super().__init__(f"{spec.label}: {reason}")
        self.reason = reason


def execute(
    run_spec_json: str,
    run_dir: Path,
    report: Events | None = None,
    stall: float | None = None,
) -> RunRecord:
    """Runs one point of the grid, or resumes it, and leaves its record. A run that is done is
    not run again.

    Whatever goes wrong inside the run is written to its record, as a traceback; a run that needs
    another one which failed is recorded as `blocked`.

    Args:
        run_spec_json: the spec of a run as JSON.
        run_dir: its directory; those of the runs that it depends on lie beside it.
        report: receives progress events (see `vsebench.grid.worker`).
        stall: seconds without progress after which other processes may take the run over; None for
            no limit.

    Returns:
        The record, as it is on disk.

    Raises:
        RunBusy: another process works on it, or a run that it depends on has not ended.
        VsebenchError: the directory cannot be written.
    """
    spec = read_spec(run_spec_json)
    directory = RunDirectory(run_dir)
    record = _finished(directory) or _claim_and_run(spec, run_dir, report or _ignore, stall)
    (report or _ignore)({"event": "finished", "status": record.status, **_result(record)})
    return record


def _result(record: RunRecord) -> dict[str, str]:
    """The headline of a run that ended well, in words: `RSUM 369.5`."""
    headline = task_of(record.spec).headline
    value = record.test.get(headline.key)
    return {} if value is None else {"result": f"{headline.heading} {headline.text(value)}"}


def attempt(
    run_spec_json: str, run_dir: Path, report: Events, stall: float | None = None
) -> Status:
    """As `execute`; a run that another process works on is reported as busy."""
    try:
        return execute(run_spec_json, run_dir, report, stall).status
    except RunBusy as busy:
        report({"event": "busy", "reason": busy.reason})
        return "busy"


def held_by(run_dir: Path) -> str:
    """Who works on a run, in words."""
    other = holder(run_dir)
    return (
        f"it is being run by process {other.pid} on {other.host}"
        if other
        else "it is being run by another process"
    )


def _claim_and_run(spec: AnySpec, run_dir: Path, report: Events, stall: float | None) -> RunRecord:
    lease = Lease.claim(run_dir, stall)
    if lease is None:
        raise RunBusy(spec, held_by(run_dir))

    def stop_if_lost() -> None:
        if lease.lost:
            raise _loss(spec, run_dir)

    def report_while_held(event: dict[str, object]) -> None:
        if event["event"] in PROGRESS:
            lease.progress()
        stop_if_lost()
        report(event)

    def ensure_held() -> None:
        # notices at once that the lease was taken while this process, or its whole machine, stood
        # still
        lease.heartbeat()
        stop_if_lost()
        check_unchanged()  # before what was computed since is on disk

    directory = RunDirectory(run_dir, ensure_held)
    try:
        with lease.hold():
            record = _finished(directory)  # by whoever held the lease a moment ago
            if record is None:
                directory.write_spec(spec)
                record = _blocked(spec, directory)
                if record is not None:
                    directory.write_record(record)
                else:
                    record = _run(spec, directory, report_while_held)
            return record
    except FolderRemoved as error:
        record = RunRecord(run_id=spec.run_id, status="failed", spec=spec, error=str(error))
        again = RunDirectory(run_dir)
        again.write_spec(spec)
        again.write_record(record)
        return record


def _loss(spec: AnySpec, run_dir: Path) -> FolderRemoved | RunBusy:
    """How a run that had a lease lost it."""
    if run_dir.exists():
        return RunBusy(spec, "another process has taken the run over")
    return FolderRemoved(
        f"{run_dir} was removed while the run wrote to it: something in its process, such as a "
        "plugin, or another program did that"
    )


def _run(spec: AnySpec, directory: RunDirectory, report: Events) -> RunRecord:
    """Trains and tests, watched by plugins; every failure but a lost lease becomes a record."""
    observers: Observers | None = None
    log = RunLog(directory.log_path)

    def logged(event: dict[str, object]) -> None:
        report(event)
        log.take(event)

    try:
        log.begin(spec)
        plugins = plugins_of(spec)
        observers = Observers.of(spec, directory.path)
        observers.started()
        with looking_in(plugins.registry):
            record = _train(spec, directory, logged, observers)
        log.write(", ".join(["done", *_result(record).values()]))
    except (RunBusy, FolderRemoved):
        raise
    except Exception as error:
        diverged = isinstance(error, DivergenceError)
        error_text = traceback.format_exc()
        record = RunRecord(
            run_id=spec.run_id,
            status="failed",
            spec=spec,
            diverged=diverged,
            error=error_text,
        )
        directory.write_record(record)  # a run that ended well has written its own
        log.write(f"failed\n{error_text.rstrip()}")
    return record if observers is None else _show(record, directory, observers)


def _show(record: RunRecord, directory: RunDirectory, observers: Observers) -> RunRecord:
    """Tells plugins of a record that is safe on disk, and notes in it which of them failed."""
    observers.finished(record)
    failures = (*observers.failures, *_put_back(record.spec))
    if failures:
        record = record.model_copy(update={"plugin_failures": failures})
        directory.write_record(record)
    return record


def _put_back(spec: AnySpec) -> list[str]:
    """What plugins of the run changed that they share with others, and was put back."""
    labels = tuple(info.label for info in plugins_of(spec).of_others)
    return [note.removeprefix("plugin ") for note in noted() if note.startswith(labels)]


def _train(
    spec: AnySpec, directory: RunDirectory, report: Events, observers: Observers
) -> RunRecord:
    """Only what the task needs is imported."""
    record: RunRecord = task_of(spec).load_runner()(spec, directory, report, observers)
    return record


def _blocked(spec: AnySpec, directory: RunDirectory) -> RunRecord | None:
    """The record of a run that cannot start because one that it needs failed; None when nothing
    stands in its way.
    """
    store = Store(directory.path.parent)
    for run_id in spec.depends_on:
        needed = store.find_model(run_id)
        if needed is not None and needed.is_done:
            continue
        record = needed.read_record() if needed is not None else None
        if record is None:
            raise RunBusy(spec, f"it waits for run {run_id}, which has not ended")
        error = f"it needs the run {record.spec.label} ({run_id}), which is {record.status}"
        return RunRecord(run_id=spec.run_id, status="blocked", spec=spec, error=error)
    return None


def _finished(directory: RunDirectory) -> RunRecord | None:
    return directory.read_record() if directory.is_done else None


def _ignore(event: dict[str, object]) -> None:
    """Takes the events of a run that nobody watches."""
