"""Runs a plan: what is done is skipped, what failed is tried again, and every run leaves a
record.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vsebench.grid.execute import held_by
from vsebench.grid.forking import preloading_for
from vsebench.grid.job import job_of
from vsebench.grid.plan import plan
from vsebench.plugin.errors import WriteError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.clean import remove, spare_of
from vsebench.results.directory import RunDirectory
from vsebench.results.lease import Lease, is_held
from vsebench.results.record import RunRecord
from vsebench.results.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from vsebench.grid.plan import Plan
    from vsebench.grid.suite import Suite
    from vsebench.plugin.executors import Job, Report
    from vsebench.plugin.protocols import Executor
    from vsebench.results.clean import Keep
    from vsebench.results.reader import RunReader
    from vsebench.results.spec import AnySpec

POLL_SECONDS = 5.0
"""Between two looks at runs that other processes work on."""

MOST_PUT_OFF = 10
"""How often a run is given again that was put off for nothing, as where its machine was lost."""


@dataclass(frozen=True)
class GridOutcome:
    """How the runs of a suite ended, by run id.

    Attributes:
        out: the folder that holds their directories.
        run_ids: the runs that the suite asked for, without support runs.
        failed: runs that failed; their records hold the traceback.
        blocked: runs that could not start because one that they need failed.
        skipped: runs that were done before, and support runs that nothing needs any more.
    """

    out: Path
    run_ids: tuple[str, ...]
    failed: tuple[str, ...]
    blocked: tuple[str, ...]
    skipped: tuple[str, ...]


def run_suite(suite: Suite, *, reporter: Report | None = None) -> GridOutcome:
    """Plans a suite and runs it.

    Args:
        suite: what to run.
        reporter: receives the progress of every run.

    Raises:
        VsebenchError: the suite or its data are not as they must be (nothing was written then), or
            the output folder cannot be written.
    """
    with preloading_for(suite):
        return run_plan(plan(suite), reporter=reporter)


def run_plan(plan: Plan, *, reporter: Report | None = None) -> GridOutcome:
    """Runs what is left to do of a plan; returns when no run is left, those that other processes
    hold included.

    Args:
        plan: the runs.
        reporter: receives the progress of every run.

    Raises:
        VsebenchError: the output folder cannot be written, and there is something to write.
    """
    store = Store(plan.out)
    todo = {run.run_id: run for run in pending(plan, store)}
    try:
        store.prepare()
        store.note_plan((run.run_id for run in plan.runs), plan.support | plan.trials.keys())
    except WriteError:
        if todo:
            raise
    skipped = [run for run in plan.runs if run.run_id not in todo]
    watch = _Watch(store, todo, reporter or _ignore, plan.keep)
    for run in skipped:
        watch(run.run_id, {"event": "skipped"})
    for run in todo.values():
        _set_damaged_aside(run, store, watch)
    _drain(executor_of(plan), _jobs(todo.values(), plan, store), watch)
    return GridOutcome(
        out=plan.out,
        run_ids=tuple(run.run_id for run in plan.runs if run.run_id not in plan.support),
        failed=watch.ended_as("failed"),
        blocked=watch.ended_as("blocked"),
        skipped=tuple(run.run_id for run in skipped),
    )


def executor_of(plan: Plan) -> Executor:
    """The executor of a plan.

    Raises:
        VsebenchError: it cannot be made.
    """
    component = load_plugins(plan.plugin_files).registry.get("executor", plan.executor.name)
    executor: Executor = component.create(
        plan.executor.params, workers=plan.workers, devices=plan.devices
    )
    return executor


def jobs_of(plan: Plan, store: Store) -> list[Job]:
    """The jobs of the runs that are left to do."""
    return _jobs(pending(plan, store), plan, store)


def _jobs(runs: Iterable[AnySpec], plan: Plan, store: Store) -> list[Job]:
    return [job_of(run, store.directory_for(run).path, plan.limits, plan.share) for run in runs]


def pending(plan: Plan, store: Store) -> list[AnySpec]:
    """The runs left to do, in the plan's order, those of which something is damaged included; a
    support run only while a run that needs it is.
    """
    needed: set[str] = set()
    todo = []
    for run in reversed(plan.runs):
        asked = run.run_id not in plan.support or run.run_id in needed
        if asked and not _is_done(run, store, needed):
            todo.append(run)
            needed.update(run.depends_on)
    return todo[::-1]


def _is_done(run: AnySpec, store: Store, needed: Collection[str]) -> bool:
    """Whether nothing is left to do; a run that another one needs must have its model, too."""
    model = run.run_id in needed
    found = store.find_model(run.run_id) if model else store.find(run.run_id)
    return found is not None and found.is_done and not found.damage(model=model)


def _set_damaged_aside(run: AnySpec, store: Store, watch: _Watch) -> None:
    """Sees to it that a run which is to be made again is not done, and uses nothing damaged."""
    found = store.find(run.run_id)
    if found is None or not found.is_done or not found.damage(model=True):
        return
    lease = Lease.claim(found.path)
    if lease is None:  # somebody makes it again
        return
    try:
        for name, reason in found.damage(model=True).items():
            said = RunDirectory(found.path).set_aside(name, reason)
            watch(run.run_id, {"event": "damaged", "reason": f"{said}, and the run is made again"})
    finally:
        lease.release()


def run_state(run: RunReader) -> str:
    """How far a run is: `done`, `failed`, `blocked`, `interrupted` (it resumes from its checkpoint)
    or `pending`.
    """
    if run.is_done:
        return "done"
    record = run.read_record()
    if record is not None:
        return record.status
    return "interrupted" if run.checkpoint_path.exists() else "pending"


@dataclass
class _Watch:
    """Takes the events of runs: notes how each ended, records those that died without a word, and
    passes everything on.
    """

    store: Store
    runs: dict[str, AnySpec]
    reporter: Report
    keep: Keep = "best"
    ended: dict[str, str] = field(default_factory=dict)

    def __call__(self, run_id: str, event: dict[str, object]) -> None:
        if event["event"] == "finished":
            self.ended[run_id] = str(event["status"])
        if event["event"] == "died":
            self._record_death(run_id, str(event["reason"]))
            event = {"event": "finished", "status": "failed"}
        if event["event"] == "finished" and self.keep != "best":
            self._clean()
        self.reporter(run_id, event)

    def _clean(self) -> None:
        """Deletes what finished runs need no more and no run that has not ended needs."""
        needed = {
            needed
            for run_id, run in self.runs.items()
            if run_id not in self.ended
            for needed in run.depends_on
        }
        for run_id in self.ended_as("done"):
            run = self.store.directory_for(self.runs[run_id])
            remove(spare_of(run, self.keep, needed))

    def ended_as(self, status: str) -> tuple[str, ...]:
        """Ids of the runs that ended so, in the order in which they did."""
        return tuple(run_id for run_id, found in self.ended.items() if found == status)

    def _record_death(self, run_id: str, reason: str) -> None:
        """Writes the record that the run itself could not write, unless somebody else has taken the
        run over.
        """
        self.ended[run_id] = "failed"
        directory = self.store.directory_for(self.runs[run_id])
        lease = Lease.claim(directory.path)
        if lease is not None:
            directory.write_record(
                RunRecord(run_id=run_id, status="failed", spec=self.runs[run_id], error=reason)
            )
            lease.release()


def _drain(executor: Executor, jobs: Sequence[Job], watch: _Watch) -> None:
    """Executes the jobs. Those that another process works on, and those that need one of them, wait
    until it has ended.
    """
    told: set[str] = set()
    put_off: Counter[str] = Counter()
    while jobs:
        held = _held(jobs)
        for run_id in held.keys() - told:
            watch(run_id, {"event": "busy", "reason": held[run_id]})
        told |= held.keys()
        free = [job for job in jobs if job.run_id not in held]
        if free:
            executor.execute(free, watch)
        for job in _in_vain(free, jobs, watch):
            put_off[job.run_id] += 1
            if put_off[job.run_id] == MOST_PUT_OFF:
                reason = f"it was put off {MOST_PUT_OFF} times, and no other process works on it"
                watch(job.run_id, {"event": "died", "reason": reason})
        jobs = [job for job in jobs if job.run_id not in watch.ended]
        if jobs:
            time.sleep(POLL_SECONDS)


def _in_vain(given: Sequence[Job], jobs: Sequence[Job], watch: _Watch) -> list[Job]:
    """Jobs that were given to the executor and put off, though nobody works on them and nothing
    that they need is left.
    """
    left = {job.run_id for job in jobs if job.run_id not in watch.ended}
    return [
        job
        for job in given
        if job.run_id in left and not left & set(job.depends_on) and not is_held(job.directory)
    ]


def _held(jobs: Sequence[Job]) -> dict[str, str]:
    """What jobs wait for, by run id; `jobs` come after those that they depend on."""
    held: dict[str, str] = {}
    for job in jobs:
        needed = next((run_id for run_id in job.depends_on if run_id in held), None)
        if needed is not None:
            held[job.run_id] = f"it waits for run {needed}"
        elif is_held(job.directory):
            held[job.run_id] = held_by(job.directory)
    return held


def _ignore(run_id: str, event: dict[str, object]) -> None:
    """Takes the progress of a suite that nobody watches."""
