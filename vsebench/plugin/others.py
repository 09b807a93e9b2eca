"""Jobs that other commands on the same folder of runs have begun, and what becomes of them."""

from __future__ import annotations

import random
import time
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from vsebench.plugin.elsewhere import worked_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from vsebench.plugin.jobs import Job

State = Literal["free", "held", "done", "failed", "blocked"]
"""State of a job: it can start, another process holds it, or it has ended."""

EXPIRY_SECONDS = 120.0
"""From the last sign of life of a machine until its runs can be taken over."""


class Others:
    """Looks at the jobs of a command, through their directories: which have other commands begun
    since, and how do these stand. What was never begun costs nothing.

    The commands on a folder share the work of detecting lost machines: a command that began a tenth
    of the jobs looks at the others' every ten `EXPIRY_SECONDS`. However many commands there are,
    each job is looked at about once per `EXPIRY_SECONDS`.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._before = {folder: _names(folder) for folder in {job.directory.parent for job in jobs}}
        self._now = dict(self._before)
        self._abandoned: set[str] = set()  # begun by others and free again
        self._ours: set[str] = set()
        self._theirs: set[str] = set()
        self._held: set[str] = set()
        self._begin_to_wait()

    def look(self) -> None:
        """Lists the folders, one file operation each."""
        self._now = {folder: _names(folder) for folder in self._before}

    def began(self, job: Job, *, sure: bool) -> bool:
        """Whether another command has begun a job since this object was created, or holds one that
        was begun before.

        Args:
            job: the job.
            sure: whether to check the directory of a job that the last listing lacks.
        """
        folder, name = job.directory.parent, job.directory.name
        if job.run_id in self._abandoned or self._is_old(job):
            return worked_on(job)
        if sure and name not in self._now[folder] and job.directory.exists():
            self.look()  # others may have begun the next ones, too
        return name in self._now[folder]

    def took(self, job: Job) -> None:
        """Notes a job that this command executes."""
        self._ours.add(job.run_id)

    def left(self, job: Job) -> None:
        """Notes a job that another command executes."""
        self._theirs.add(job.run_id)
        self._held.add(job.run_id)

    def holds(self, job: Job) -> bool:
        """Whether another command executed a job at the last look."""
        return job.run_id in self._held

    def states(self, jobs: Iterable[Job]) -> dict[str, State]:
        """States of jobs by run id, where they are not free. A job that failed before this object
        was created is free, as it is tried again; one that another command has tried since is not.
        """
        self.look()
        begun = [
            job
            for job in jobs
            if self.holds(job) or job.directory.name in self._now[job.directory.parent]
        ]
        found = _states(begun, self._is_old)
        return {run_id: state for run_id, state in found.items() if state != "free"}

    def news(self, jobs: Collection[Job]) -> dict[str, State]:
        """What has become of jobs that are put off, by run id: how those stand that others have
        ended, and which are free again. Empty before it is this command's turn to look.
        """
        if not jobs:
            return {}
        share = len(self._ours) / (len(self._ours) + len(self._theirs))
        if self._waited() * share < EXPIRY_SECONDS * self._spread:
            return {}
        found = self.states(jobs)
        self._begin_to_wait()
        for job in jobs:
            if self.holds(job):
                found.setdefault(job.run_id, "free")
        self._held = {run_id for run_id, state in found.items() if state == "held"}
        self._theirs |= self._held
        self._abandoned |= {run_id for run_id, state in found.items() if state == "free"}
        return {run_id: state for run_id, state in found.items() if state != "held"}

    def _begin_to_wait(self) -> None:
        self._looked = time.monotonic()
        # so that commands that were started together do not look at the same time
        self._spread = random.uniform(0.5, 1.5)

    def _waited(self) -> float:
        return time.monotonic() - self._looked

    def _is_old(self, job: Job) -> bool:
        """Whether the job had been begun when this object was created."""
        return job.directory.name in self._before[job.directory.parent]


def _states(jobs: Iterable[Job], is_old: Callable[[Job], bool]) -> dict[str, State]:
    # above this package
    found: dict[str, State] = import_module("vsebench.grid.others").states(jobs, is_old)
    return found


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:  # none yet; or whoever writes there says why it cannot
        return frozenset()
