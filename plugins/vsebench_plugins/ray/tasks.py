"""The tasks of a grid: starting, following and ending them, and restarting those of lost nodes."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ray
from ray.exceptions import OutOfMemoryError, RayError, RaySystemError, RayTaskError

from vsebench.plugin import VsebenchError, WriteError, send_away
from vsebench_plugins.ray.cluster import last_line
from vsebench_plugins.ray.node import Brought, Ended, Heard, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ray import ObjectRefGenerator

    from vsebench.plugin import Away, Job, Schedule

_POLL_SECONDS = 1.0
_HELD_SECONDS = 10.0
"""Between two checks that runs whose files are sent here still belong to this command."""


@dataclass(frozen=True)
class _Task:
    """A run that Ray was given.

    Attributes:
        run_id: identifies the run.
        items: its items, in order.
        away: the run's folder here, if its node does not see it.
    """

    run_id: str
    items: ObjectRefGenerator
    away: Away | None


class Tasks:
    """The tasks of the jobs of a schedule.

    Args:
        schedule: the jobs.
        needs: the resources that a job reserves, as options of Ray.
        through_driver: whether files are sent between the nodes and this process.
        every: seconds between two transfers of a run's files.
    """

    def __init__(
        self,
        schedule: Schedule,
        needs: Callable[[Job], dict[str, float]],
        *,
        through_driver: bool,
        every: float,
    ) -> None:
        self._schedule, self._needs, self._through_driver = schedule, needs, through_driver
        self._every = every
        self._remote = ray.remote(num_returns="streaming", max_retries=0)(run)
        self._tasks: list[_Task] = []
        self._checked = time.monotonic()

    def execute(self, most: int) -> None:
        """Executes all jobs, at most `most` at a time. Any error ends the tasks.

        Raises:
            VsebenchError: this process has lost the cluster.
        """
        try:
            while self._schedule:
                for job in self._schedule.take(most - len(self._tasks), queued=True):
                    self._start(job)
                if self._tasks:
                    self._listen()
                elif self._schedule:  # those of a lost node are held until its leases expire
                    time.sleep(_POLL_SECONDS)
        except VsebenchError:  # a full disk, for one, is an OSError too
            raise
        except (OSError, RaySystemError) as error:
            raise VsebenchError(
                f"the Ray node that this command joined has ended ({last_line(error)}): the same "
                "command resumes where this one stopped"
            ) from error
        finally:
            for task in self._tasks:
                self._cancel(task)

    def _start(self, job: Job) -> None:
        away = send_away(job) if self._through_driver else None
        if self._through_driver and away is None:
            reason = "another process works on it"
            self._schedule.hear((job.run_id, {"event": "busy", "reason": reason}))
            self._schedule.end(job.run_id, reason)
            return
        remote = self._remote.options(**self._needs(job), name=f"vsebench {job.run_id}")
        work = job if away is None else away.parcel()
        items = remote.remote(work, self._every)
        self._tasks.append(_Task(job.run_id, items, away))

    def _listen(self) -> None:
        """Waits until a task has an item, and takes one from each task that has some."""
        tasks = {id(task.items): task for task in self._tasks}
        items = [task.items for task in self._tasks]
        ready, _ = ray.wait(items, num_returns=1, timeout=_POLL_SECONDS, fetch_local=False)
        if ready:
            ready, _ = ray.wait(items, num_returns=len(items), timeout=0, fetch_local=False)
        for found in ready:
            self._take(tasks[id(found)])
        if time.monotonic() >= self._checked + _HELD_SECONDS:
            self._checked = time.monotonic()
            self._drop_taken_over()

    def _drop_taken_over(self) -> None:
        for task in list(self._tasks):
            if task.away is not None and task.away.taken_over:
                reason = "another process has taken it over"
                self._schedule.hear((task.run_id, {"event": "busy", "reason": reason}))
                self._end(task, reason)

    def _take(self, task: _Task) -> None:
        try:
            item = ray.get(next(task.items))
        except StopIteration:
            self._end(task, "its task ended without a word")
        except RayTaskError as error:
            self._end(task, f"its task failed: {last_line(error)}")
        except RaySystemError:
            raise
        except RayError as error:
            self._cancel(task)
            self._tasks.remove(task)
            memory = isinstance(error, OutOfMemoryError)
            what = "its node ran out of memory" if memory else "its node was lost"
            self._schedule.lost(task.run_id, f"{what} ({type(error).__name__})")
        else:
            self._handle(task, item)

    def _handle(self, task: _Task, item: Heard | Brought | Ended) -> None:
        match item:
            case Heard(message):
                self._schedule.hear(message)
            case Brought(files):
                assert task.away is not None
                task.away.receive(files)
            case Ended(reason):
                self._end(task, reason)

    def _end(self, task: _Task, reason: str) -> None:
        self._cancel(task)
        self._tasks.remove(task)
        self._schedule.end(task.run_id, reason)

    def _cancel(self, task: _Task) -> None:
        """Ends a task, if it has not ended, and lets others execute its run."""
        with suppress(OSError, RaySystemError):  # with the cluster its tasks are gone
            ray.cancel(task.items, force=True)
        if task.away is not None:
            with suppress(WriteError):  # the lease expires by itself
                task.away.release()
