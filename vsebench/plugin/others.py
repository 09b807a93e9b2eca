"""What other commands that share the folder of runs make of jobs meanwhile."""

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
"""Of a job: whether it can start, another process works on it, or it has ended."""

EXPIRY_SECONDS = 120.0
"""From the last sign of life of a machine until its runs can be taken over."""


class Others:
    """What other commands have begun since this was made, as the directories of the jobs tell, and
    what has become of it.

    The commands in a folder share the work of looking for lost machines: one that began a tenth of
    the jobs looks once in ten times `EXPIRY_SECONDS`, so that together they look as often as leases
    may expire, however many they are.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._before = {folder: _names(folder) for folder in {job.directory.parent for job in jobs}}
        self._now = dict(self._before)
        self._watched: dict[str, Job] = {}
        self._abandoned: set[str] = set()
        self._ours: set[str] = set()
        self._theirs: set[str] = set()
        self._begin_to_wait()

    def look(self) -> None:
        """Looks at all jobs, which is one question to the file system for each folder."""
        self._now = {folder: _names(folder) for folder in self._before}

    def began(self, job: Job, *, sure: bool) -> bool:
        """Whether another command has begun a job since, or works on one that it or somebody else
        began before.

        Args:
            job: the job.
            sure: whether to ask, should it not have been begun at the last look.
        """
        folder, name = job.directory.parent, job.directory.name
        if job.run_id in self._abandoned or self._is_old(job):
            return worked_on(job)
        if sure and name not in self._now[folder] and job.directory.exists():
            self.look()  # the next ones may have been begun, too
        return name in self._now[folder]

    def took(self, job: Job) -> None:
        """Takes note of a job that this command executes."""
        self._ours.add(job.run_id)

    def watch(self, job: Job) -> None:
        """Has `news` tell what becomes of a job that another command works on."""
        self._theirs.add(job.run_id)
        self._watched[job.run_id] = job

    def news(self) -> dict[str, State]:
        """How the watched jobs are that nobody works on any more, by run id; each is told of once.
        There are none before it is this command's turn to look.
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
        # commands that were started together do not look together
        self._spread = random.uniform(0.5, 1.5)

    def _waited(self) -> float:
        return time.monotonic() - self._looked

    def _is_old(self, job: Job) -> bool:
        """Whether the job had been begun when this was made."""
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
