"""Jobs that other commands on the same folder of runs have begun, and what becomes of them."""

from __future__ import annotations

import random
import time
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from vsebench.plugin.elsewhere import worked_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vsebench.plugin.executors import Job

State = Literal["free", "held", "done", "failed", "blocked"]
"""State of a job: it can start, another process holds it, or it has ended."""

EXPIRY_SECONDS = 120.0
"""From the last sign of life of a machine until its runs can be taken over."""


class Others:
    """Watches the jobs that other commands have begun, through the jobs' directories.

    The commands on a folder share the work of detecting lost machines: a command that began a tenth
    of the jobs looks at the others' every ten `EXPIRY_SECONDS`. However many commands there are,
    each job is looked at about once per `EXPIRY_SECONDS`.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._before = {folder: _names(folder) for folder in {job.directory.parent for job in jobs}}
        self._now = dict(self._before)
        self._watched: dict[str, Job] = {}
        self._abandoned: set[str] = set()  # begun by others and free again
        self._ours: set[str] = set()
        self._theirs: set[str] = set()
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

    def watch(self, job: Job) -> None:
        """Adds a job that another command holds to those that `news` reports on."""
        self._theirs.add(job.run_id)
        self._watched[job.run_id] = job

    def news(self) -> dict[str, State]:
        """States of the watched jobs that are no longer held, by run id; each is reported once, and
        none before it is this command's turn to look.
        """
        if not self._watched:
            return {}
        share = len(self._ours) / (len(self._ours) + len(self._theirs))
        if self._waited() * share < EXPIRY_SECONDS * self._spread:
            return {}
        found = _states(self._watched.values(), self._is_old)
        self._begin_to_wait()
        self._watched = {id_: job for id_, job in self._watched.items() if found[id_] == "held"}
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
