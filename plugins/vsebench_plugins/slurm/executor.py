"""Runs as job arrays of a Slurm cluster."""

from __future__ import annotations

import json
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from vsebench.plugin import UNBOUNDED, Schedule, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import submitit

    from vsebench.plugin import Event, Job, Report, Resources

FOLDER = ".slurm"
"""Folder, in that of the runs, of scripts and of what jobs print besides their runs' logs."""

_POLL_SECONDS = 1.0
_STATE_SECONDS = 30.0
"""Between two queries of job states, which burden the cluster's controller."""


@dataclass
class _Submitted:
    """A submitted run.

    Attributes:
        job: the run.
        slurm: its Slurm job.
        events: its events.
        over: state in which its Slurm job had ended at the last query; None if it had not.
    """

    job: Job
    slurm: submitit.Job[None]
    events: Tail
    over: str | None = None


class SlurmExecutor:
    """Submits the runs whose dependencies have ended as an array, follows their events in files,
    and submits the next. Jobs that reach their limit, or are preempted, are requeued.

    Attributes:
        workers: runs at a time, at most.
    """

    elsewhere = True

    def __init__(  # noqa: PLR0913  # one for each parameter
        self,
        workers: int = UNBOUNDED,
        partition: str = "",
        account: str = "",
        qos: str = "",
        constraint: str = "",
        minutes: int = 240,
        memory: float = 0.0,
        gpus: int = 1,
        grace: int = 300,
        requeues: int = 20,
        cluster: Literal["slurm", "local"] = "slurm",
    ) -> None:
        require("submitit", extra="slurm", purpose="runs on a Slurm cluster")
        from vsebench_plugins.slurm.submission import Wanted, own_cores

        self.workers = own_cores() if (cluster, workers) == ("local", UNBOUNDED) else workers
        self._wanted = Wanted(
            partition, account, qos, constraint, minutes, memory, gpus, grace, requeues, cluster
        )
        self._submitted: list[_Submitted] = []

    @staticmethod
    def default_workers(_: str) -> int:
        """Slurm knows how many fit."""
        return UNBOUNDED

    def preview(self, jobs: Sequence[Job]) -> str:
        """The scripts of the runs that can be submitted at once."""
        from vsebench_plugins.slurm.submission import script

        given = {job.run_id for job in jobs}
        first = [job for job in jobs if not given & set(job.depends_on)]
        texts = []
        for resources, group in _alike(first):
            folder = group[0].directory.parent.absolute() / FOLDER
            command, text = script(self._wanted, folder, resources, len(group), self.workers)
            runs = f"{len(group)} run{'' if len(group) == 1 else 's'}"
            texts.append(f"{command}, for {runs}:\n\n{text}")
        later = len(jobs) - len(first)
        if later:
            runs = f"{later} run{' follows' if later == 1 else 's follow'}"
            texts.append(f"{runs} likewise, when those that they need have ended")
        return "\n".join(texts)

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        from vsebench_plugins.slurm.submission import cancel, refresh

        schedule, asked = Schedule(jobs, report), time.monotonic()
        try:
            while schedule:
                self._submit(schedule.take(self._most, queued=True))
                ask = self._wanted.cluster == "local" or time.monotonic() - asked >= _STATE_SECONDS
                if ask:
                    asked = time.monotonic()
                    refresh([submitted.slurm for submitted in self._submitted])
                for submitted in list(self._submitted):
                    self._follow(submitted, schedule, asked=ask)
                time.sleep(_POLL_SECONDS)
        finally:
            for submitted in self._submitted:
                cancel(submitted.slurm)
            self._submitted.clear()

    @property
    def _most(self) -> int | None:
        """The number of runs that may be submitted; Slurm itself bounds the first array."""
        if self._wanted.cluster == "slurm" and not self._submitted:
            return None
        return max(0, self.workers - len(self._submitted))

    def _submit(self, jobs: Iterable[Job]) -> None:
        from vsebench_plugins.slurm.submission import submit
        from vsebench_plugins.slurm.task import RunTask

        for resources, group in _alike(jobs):
            group = [replace(job, directory=job.directory.absolute()) for job in group]
            folder = group[0].directory.parent / FOLDER
            folder.mkdir(exist_ok=True)
            tails = [Tail(folder / f"{job.run_id}-{secrets.token_hex(4)}.jsonl") for job in group]
            tasks = [
                RunTask(job, tail.path, self._wanted.grace)
                for job, tail in zip(group, tails, strict=True)
            ]
            made = submit(self._wanted, folder, resources, tasks, self.workers)
            self._submitted += map(_Submitted, group, made, tails)

    def _follow(self, submitted: _Submitted, schedule: Schedule, *, asked: bool) -> None:
        """Takes the events of a run, and notices a job that has ended without reporting it."""
        for event in submitted.events.new_events():
            if self._handle(submitted, event, schedule):
                return
        if not asked:
            return
        from vsebench_plugins.slurm.submission import LOST, over

        before, submitted.over = submitted.over, over(submitted.slurm)
        # Its last events may arrive late, and a requeued job is over for a moment
        if submitted.over is None or before is None:
            return
        self._submitted.remove(submitted)
        what = f"its Slurm job {submitted.slurm.job_id} ended as {submitted.over}"
        if submitted.over.startswith(LOST):
            schedule.lost(submitted.job.run_id, what)
        else:
            schedule.end(submitted.job.run_id, f"{what}: see {submitted.slurm.paths.stderr}")

    def _handle(self, submitted: _Submitted, event: Event, schedule: Schedule) -> bool:
        """Takes one event; returns whether it is the last one."""
        from vsebench_plugins.slurm.submission import remove
        from vsebench_plugins.slurm.task import ENDED

        if event["event"] != ENDED:
            schedule.hear((submitted.job.run_id, event))
            return False
        self._submitted.remove(submitted)
        schedule.end(submitted.job.run_id, str(event["reason"]))
        submitted.events.path.unlink(missing_ok=True)
        remove(submitted.slurm, submitted.events.path.parent)
        return True


def _alike(jobs: Iterable[Job]) -> list[tuple[Resources, list[Job]]]:
    """Jobs grouped by equal resources, in the order of the first of each group."""
    groups = defaultdict(list)
    for job in jobs:
        groups[job.resources].append(job)
    return list(groups.items())


class Tail:
    """The lines of a file that another machine appends to.

    Attributes:
        path: the file, which need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def new_events(self) -> list[Event]:
        """The events of the whole lines that came since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]
