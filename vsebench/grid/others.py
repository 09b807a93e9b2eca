"""What other commands that share the folder have made of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.at_once import at_once
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import is_held
from vsebench.results.reader import DONE, RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from vsebench.plugin.jobs import Job
    from vsebench.plugin.others import State


def states(begun: Iterable[Job], is_old: Callable[[Job], bool]) -> dict[str, State]:
    """How jobs are, by run id.

    Args:
        begun: the jobs, which somebody has begun.
        is_old: whether a job had been begun before this command: then its failure does not count.
    """
    jobs = list(begun)
    found = at_once(lambda job: _state(job, is_new=not is_old(job)), jobs)
    return {job.run_id: state for job, state in zip(jobs, found, strict=True)}


def _state(job: Job, *, is_new: bool) -> State:
    try:
        names = [path.name for path in job.directory.iterdir()]
    except FileNotFoundError:
        return "free"
    done = DONE in names and RECORD in names
    if is_new and done:
        return "done"
    if is_held(job.directory, names):
        return "held"
    if done:  # and by whom is not known, so that it is looked at as at the beginning
        return "free" if RunDirectory(job.directory).damage(model=True) else "done"
    return _status(job.directory) if is_new and RECORD in names else "free"


def _status(directory: Path) -> State:
    """How a run that is not done has ended; what cannot be read is made again."""
    try:
        record = RunDirectory(directory).read_record()
    except VsebenchError:
        return "free"
    return "free" if record is None else record.status


def held_back(jobs: Iterable[Job], states: Mapping[str, State]) -> dict[str, str]:
    """Which jobs cannot start, and which run they wait for: their own, or one that they need.

    Args:
        jobs: the jobs, each after those that it depends on.
        states: states of those that are not free.
    """
    found: dict[str, str] = {}
    for job in jobs:
        needed = next((run_id for run_id in job.depends_on if run_id in found), None)
        if needed is not None:
            found[job.run_id] = needed
        elif states.get(job.run_id) == "held":
            found[job.run_id] = job.run_id
    return found
