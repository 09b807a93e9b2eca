"""The executor `local`: runs side by side on this machine, a process each."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vsebench.grid.forking import preloading
from vsebench.grid.process import RunProcess
from vsebench.kernels.devices import cuda_devices
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.forking import ForkServer
    from vsebench.plugin.protocols import Job, Report

    Inbox = SimpleQueue[tuple[str, dict[str, object] | None]]


@dataclass
class _Running:
    process: RunProcess
    slot: int
    accounted: bool = False  # whether it said how it ended


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
            self._execute(jobs, report, server)

    def _execute(self, jobs: Sequence[Job], report: Report, server: ForkServer | None) -> None:
        waiting = {job.run_id: job for job in jobs}
        running: dict[str, _Running] = {}
        free = list(range(self.workers))
        inbox: Inbox = SimpleQueue()
        try:
            while waiting or running:
                for job in _ready(waiting, running)[: len(free)]:
                    del waiting[job.run_id]
                    slot = free.pop(0)
                    running[job.run_id] = _Running(_start(job, slot, inbox, server), slot)
                    report(job.run_id, {"event": "started"})
                run_id, event = inbox.get()
                run = running[run_id]
                if event is None:
                    del running[run_id]
                    free.append(run.slot)
                    if not run.accounted:
                        report(run_id, {"event": "died", "reason": run.process.death()})
                    continue
                run.accounted |= event["event"] in ("finished", "busy")
                report(run_id, event)
                if event["event"] == "busy":
                    _put_off(waiting, run_id, report)
        finally:
            for run in running.values():
                run.process.stop()


def _may_fork(job: Job) -> bool:
    """Whether nothing that the run needs forbids it: neither CUDA nor threads survive a fork."""
    spec = read_spec(job.spec)
    return spec.device == "cpu" and spec.protocol.threads == 1


def _start(job: Job, slot: int, inbox: Inbox, server: ForkServer | None) -> RunProcess:
    devices = cuda_devices() if read_spec(job.spec).device == "cuda" else []
    return RunProcess(
        job,
        lambda event: inbox.put((job.run_id, event)),
        cuda_device=devices[slot % len(devices)] if devices else None,
        server=server if _may_fork(job) else None,
    )


def _ready(waiting: dict[str, Job], running: dict[str, _Running]) -> list[Job]:
    """Jobs that depend on none of those still to end, in the order given."""
    return [
        job
        for job in waiting.values()
        if not any(needed in waiting or needed in running for needed in job.depends_on)
    ]


def _put_off(waiting: dict[str, Job], busy: str, report: Report) -> None:
    """Takes back the jobs that depend on a busy one: they cannot start before it has ended
    elsewhere.
    """
    for job in [job for job in waiting.values() if busy in job.depends_on]:
        del waiting[job.run_id]
        report(job.run_id, {"event": "busy", "reason": f"it waits for run {busy}"})
        _put_off(waiting, job.run_id, report)
