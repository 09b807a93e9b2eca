"""The executor `local`: runs side by side on this machine, a process each."""

from __future__ import annotations

from contextlib import nullcontext
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vsebench.grid.forking import preloading
from vsebench.grid.process import RunProcess
from vsebench.kernels.devices import cuda_devices
from vsebench.plugin.executors import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.forking import ForkServer
    from vsebench.plugin.executors import Event, Job, Report

    Inbox = SimpleQueue[tuple[str, Event | None]]


class LocalExecutor:
    """Starts a job as soon as a worker is free and the jobs that it depends on have ended. Jobs die
    with this process.

    Attributes:
        workers: jobs at a time; on CUDA they are dealt out over the devices.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        with preloading() if any(map(_may_fork, jobs)) else nullcontext() as server:
            self._execute(Schedule(jobs, report), server)

    def _execute(self, schedule: Schedule, server: ForkServer | None) -> None:
        running: dict[str, RunProcess] = {}
        slots: dict[str, int] = {}
        free = list(range(self.workers))
        inbox: Inbox = SimpleQueue()
        try:
            while schedule:
                for job in schedule.take(len(free)):
                    slots[job.run_id] = free.pop(0)
                    running[job.run_id] = _start(job, slots[job.run_id], inbox, server)
                run_id, event = inbox.get()
                if event is not None:
                    schedule.hear((run_id, event))
                else:
                    free.append(slots.pop(run_id))
                    schedule.end(run_id, running.pop(run_id).death())
        finally:
            for process in running.values():
                process.stop()


def _may_fork(job: Job) -> bool:
    """Whether nothing that the run needs forbids it: neither CUDA nor threads survive a fork."""
    return job.resources.device == "cpu" and job.resources.threads == 1


def _start(job: Job, slot: int, inbox: Inbox, server: ForkServer | None) -> RunProcess:
    devices = cuda_devices() if job.resources.device == "cuda" else []
    return RunProcess(
        job,
        lambda event: inbox.put((job.run_id, event)),
        cuda_device=devices[slot % len(devices)] if devices else None,
        server=server if _may_fork(job) else None,
    )
