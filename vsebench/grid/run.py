"""Runs a plan: what is done is skipped, what failed is tried again, and every run leaves a
record.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vsebench.grid.execute import held_by
from vsebench.grid.forking import preloading_for
from vsebench.grid.job import job_of
from vsebench.grid.others import held_back
from vsebench.grid.plan import plan
from vsebench.plugin.errors import WriteError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.others import Others
from vsebench.results.folder.at_once import at_once
from vsebench.results.folder.clean import remove, spare_of
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease, is_held
from vsebench.results.folder.store import Store
from vsebench.results.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from vsebench.grid.plan import Plan
    from vsebench.grid.suite import Suite
    from vsebench.plugin.jobs import Job, Report
    from vsebench.plugin.protocols import Executor
    from vsebench.results.folder.clean import Keep
    from vsebench.results.reader import RunReader
    from vsebench.results.spec import AnySpec

POLL_SECONDS = 5.0
"""Between two looks at runs that other processes work on."""

LOOKS, MOST_POLL_SECONDS = 100, 60.0
"""Where a look takes its time, a hundred times as long is between two of them, but no more than
this.
"""

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
    _set_damaged_aside(list(todo.values()), store, watch)
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
    runs = {run.run_id: run for run in plan.runs}
    todo: set[str] = set()
    needed: set[str] = set()
    asked = [run_id for run_id in runs if run_id not in plan.support]
    while asked:
        begun = [run_id for run_id in asked if store.knows(runs[run_id])]
        states = at_once(partial(_is_done, store, needed), [runs[run_id] for run_id in begun])
        done = {run_id for run_id, is_done in zip(begun, states, strict=True) if is_done}
        left = [run_id for run_id in asked if run_id not in done]
        todo.update(left)
        new = {needs for run_id in left for needs in runs[run_id].depends_on} - needed
        needed |= new
        asked = [run_id for run_id in runs if run_id in new and run_id not in todo]
    return [run for run_id, run in runs.items() if run_id in todo]


def _is_done(store: Store, needed: Collection[str], run: AnySpec) -> bool:
    """Whether nothing is left to do; a run that another one needs must have its model, too."""
    model = run.run_id in needed
    found = store.reader_for(run, model=model)
    return found.is_done and not found.damage(model=model)


def _set_damaged_aside(runs: Sequence[AnySpec], store: Store, watch: _Watch) -> None:
    """Sees to it that runs which are to be made again are not done, and use nothing damaged."""
    begun = [run for run in runs if store.knows(run)]
    states = at_once(lambda run: _is_damaged(store.reader_for(run)), begun)
    for run in (run for run, damaged in zip(begun, states, strict=True) if damaged):
        found = store.reader_for(run)
        lease = Lease.claim(found.path)
        if lease is None:  # somebody makes it again
            continue
        try:
            for name, reason in found.damage(model=True).items():
                said = RunDirectory(found.path).set_aside(name, reason)
                reason = f"{said}, and the run is made again"
                watch(run.run_id, {"event": "damaged", "reason": reason})
        finally:
            lease.release()


def _is_damaged(run: RunReader) -> bool:
    """Whether something is wrong with a run that ended well."""
    return run.is_done and bool(run.damage(model=True))


def run_state(run: RunReader) -> str:
    """How far a run is: `done`, `running`, `failed`, `blocked`, `interrupted` (it resumes from its
    checkpoint) or `pending`.
    """
    if run.is_done:
        return "done"
    if is_held(run.path):
        return "running"
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
    needed: Counter[str] = field(default_factory=Counter)
    unclean: set[str] = field(default_factory=set)

    def __call__(self, run_id: str, event: dict[str, object]) -> None:
        if event["event"] == "died":
            status = self._record_death(run_id, str(event["reason"]))
            event = {"event": "finished", "status": status}
        if event["event"] == "finished":
            self.ended[run_id] = str(event["status"])
        if event["event"] == "finished" and self.keep != "best":
            self._clean(run_id)
        self.reporter(run_id, event)

    def _clean(self, run_id: str) -> None:
        """Deletes what a finished run needs no more and no run that has not ended needs: its own
        files, and those of the runs that it needed.
        """
        spec = self.runs[run_id]
        if not self.needed:
            self.needed.update(needs for run in self.runs.values() for needs in run.depends_on)
        self.needed.subtract(spec.depends_on)
        self.unclean |= {run_id, *spec.depends_on} & self.runs.keys()
        needed = {each for each in self.unclean if self.needed[each]}
        for each in [each for each in self.unclean if self.ended.get(each) == "done"]:
            run = self.store.directory_for(self.runs[each])
            spare = spare_of(run, self.keep, needed)
            remove(spare)
            if not spare and each not in needed:
                self.unclean.discard(each)

    def ended_as(self, status: str) -> tuple[str, ...]:
        """Ids of the runs that ended so, in the order in which they did."""
        return tuple(run_id for run_id, found in self.ended.items() if found == status)

    def left(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that have not ended."""
        return [job for job in jobs if job.run_id not in self.ended]

    def _record_death(self, run_id: str, reason: str) -> str:
        """Writes the record that the run itself could not write, unless somebody else has taken the
        run over; its status, which is theirs where they have finished it.
        """
        directory = self.store.directory_for(self.runs[run_id])
        lease = Lease.claim(directory.path)
        if lease is None:
            return "failed"
        try:
            if directory.is_done:
                return "done"
            directory.write_record(
                RunRecord(run_id=run_id, status="failed", spec=self.runs[run_id], error=reason)
            )
            return "failed"
        finally:
            lease.release()


def _drain(executor: Executor, jobs: Sequence[Job], watch: _Watch) -> None:
    """Executes the jobs. Those that another process works on, and those that need one of them, wait
    until it has ended.
    """
    others = Others(jobs)
    told: set[str] = set()
    given: Counter[str] = Counter()
    while jobs:
        begun = time.monotonic()
        states = others.states(jobs)
        looked = time.monotonic() - begun
        for run_id, state in states.items():
            if state != "held":
                watch(run_id, {"event": "finished", "status": state})
        jobs = watch.left(jobs)
        held = held_back(jobs, states)
        free = _not_in_vain([job for job in jobs if job.run_id not in held], given, watch)
        jobs = watch.left(jobs)
        if free:
            executor.execute(jobs, watch)  # with those held, whose holders may be lost meanwhile
            jobs = watch.left(jobs)
            held = {}
        for job in jobs:
            if job.run_id in held and job.run_id not in told:
                told.add(job.run_id)
                watch(job.run_id, {"event": "busy", "reason": _why(job, held[job.run_id])})
        if jobs:
            time.sleep(max(POLL_SECONDS, min(LOOKS * looked, MOST_POLL_SECONDS)))


def _not_in_vain(jobs: Sequence[Job], given: Counter[str], watch: _Watch) -> list[Job]:
    """Jobs that the executor is to be given, without those that it has put off too often, though
    nobody works on them and nothing that they need is left.

    Args:
        jobs: jobs that can start, or depend on another one of them.
        given: how often each was given before; counted on.
        watch: told of those that are given up.
    """
    for job in jobs:
        if given[job.run_id] == MOST_PUT_OFF:
            reason = f"it was put off {MOST_PUT_OFF} times, and no other process works on it"
            watch(job.run_id, {"event": "died", "reason": reason})
    kept = watch.left(jobs)
    left = {job.run_id for job in kept}
    given.update(job.run_id for job in kept if left.isdisjoint(job.depends_on))
    return kept


def _why(job: Job, needed: str) -> str:
    """Why a job cannot start, in words."""
    return held_by(job.directory) if needed == job.run_id else f"it waits for run {needed}"


def _ignore(run_id: str, event: dict[str, object]) -> None:
    """Takes the progress of a suite that nobody watches."""
