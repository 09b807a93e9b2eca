"""Interface for executors: jobs, their order, and the execution of a run.

An executor decides where a run is executed. What a run is and in which order runs may start is
decided here, once for all of them:

    def execute(self, jobs, report):
        schedule = Schedule(jobs, report)
        while schedule:
            for job in schedule.take(self.workers):
                ...                     # somewhere else, execute(job, send)
            ...                         # schedule.hear(what was sent), schedule.end(run_id, reason)

Where it is executed, `vsebench.plugin.spawn` gives a run a process of its own and keeps its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

from vsebench.plugin.elsewhere import worked_on
from vsebench.plugin.errors import SpecError
from vsebench.plugin.others import Others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Event = dict[str, object]
"""An event of a run: JSON values; `event` is its kind."""

Message = tuple[str, Event]
"""A run id and an event of that run."""

Status = Literal["done", "failed", "blocked", "busy"]

UNBOUNDED = 1_000_000
"""Number of concurrent runs without a bound."""

MOST_LOST = 5
"""Number of restarts of a run whose machine was lost: a run that brings down every machine ends."""

ONEDNN = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128", "LRU_CACHE_CAPACITY": "128"}
"""Bounds what oneDNN and torch keep per shape of a product: ragged batches seldom repeat their
shapes, and 1,024 kept ones take a gigabyte.
"""

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
"""Lets glibc keep the memory of a step for the next one. By default it hands arrays of some MiB
back to the system, which clears them page by page before they are used again: a tenth of a small
step. These are the largest threshold that glibc takes, and how much it may keep at the end of the
heap: with a quarter of that, a step of VSE-infinity's size takes 5 % longer.
"""


class Report(Protocol):
    """Receives the progress of jobs, in one thread."""

    def __call__(self, run_id: str, event: Event) -> None: ...


@dataclass(frozen=True)
class Resources:
    """Resources that a run needs on the machine that executes it.

    Attributes:
        device: `cpu`, or `cuda` for CUDA devices; a run uses the first that its process sees.
        threads: CPU threads, for each of its devices.
        share: the part of a CUDA device that it has, from 0 to 1.
        devices: devices of one machine that it is split over; on the CPU, processes.
    """

    device: Literal["cpu", "cuda"]
    threads: int
    share: float = 1.0
    devices: int = 1

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables to start the run's process with. They bound its memory and its
        threads, and change no number.
        """
        return {
            **MALLOC,
            **ONEDNN,
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": str(self.threads),
            "MKL_NUM_THREADS": str(self.threads),
        }


@dataclass(frozen=True)
class Limits:
    """Time limits of a run, in seconds; None is no limit.

    Attributes:
        total: time from the start of its process to its end; a resumed run has as long again.
        stall: time between two of its events that tell of progress.
    """

    total: float | None = None
    stall: float | None = None


@dataclass(frozen=True)
class Job:
    """One run to execute. It can be pickled.

    Attributes:
        run_id: identifies the run.
        spec: the run spec as JSON.
        directory: folder of the run, beside those of the runs that it depends on.
        depends_on: ids of the runs that must have ended first.
        resources: devices and threads that the run needs.
        limits: time that the run may take, kept by executors that can tell.
    """

    run_id: str
    spec: str
    directory: Path
    depends_on: tuple[str, ...]
    resources: Resources
    limits: Limits = Limits()


def execute(job: Job, send: Callable[[Message], object]) -> Status:
    """Executes a job in this process, which should be the job's own: from its last checkpoint, if
    any, to its record.

    Whatever goes wrong inside the run is in its record, and what the run prints is in its log. A
    job that is done is not done again; one that needs a failed run is recorded as blocked.

    Args:
        job: the run.
        send: receives the run's id with each event, a dict of JSON values: the `put` of a queue, or
            the `send` of a connection.

    Returns:
        How it ended; `busy` where another process works on it, or on a run that it depends on:
        nothing was done then.

    Raises:
        VsebenchError: the directory cannot be written.
    """
    # above this package, and it imports torch
    status: Status = import_module("vsebench.grid.job").execute_job(job, send)
    return status


class Schedule:
    """The jobs that may start, and the state of those that did; true while any is left.

    It reports what every executor has to: that a job was started, that one which depends on a busy
    job has to wait as well, and that the process of a job ended without a word. Jobs that other
    commands have begun are put off without a process of their own; those that these commands leave
    unfinished are taken back.
    """

    def __init__(self, jobs: Iterable[Job], report: Report) -> None:
        self._waiting = {job.run_id: job for job in jobs}
        self._taken: dict[str, Job] = {}
        self._put_off: dict[str, Job] = {}  # others have begun them, or what they need
        self._accounted: set[str] = set()  # those that reported their end
        self._busy: set[str] = set()  # those of them that said that others work on them
        self._queued: set[str] = set()
        self._lost: dict[str, int] = {}
        self._report = report
        self._needed_by: dict[str, list[str]] = {}
        self._needs: dict[str, set[str]] = {}
        for job in self._waiting.values():
            self._needs[job.run_id] = set(job.depends_on) & self._waiting.keys()
            for run_id in self._needs[job.run_id]:
                self._needed_by.setdefault(run_id, []).append(job.run_id)
        self._turns = {run_id: turn for turn, run_id in enumerate(self._waiting)}
        self._ready = [(turn, id_) for id_, turn in self._turns.items() if not self._needs[id_]]
        self._others = Others(self._waiting.values())

    def __bool__(self) -> bool:
        return bool(self._waiting or self._taken)

    def take(self, most: int | None = None, *, queued: bool = False) -> list[Job]:
        """Jobs to start now, reported as started: those whose dependencies have ended, in the given
        order. A lost job is among them as soon as no process works on it.

        Args:
            most: largest number of them; None takes all.
            queued: whether they may have to wait for a machine; they are reported as queued then,
                and as started when they are first heard of.

        Raises:
            SpecError: the jobs that are left depend on each other.
        """
        if self._waiting and not self._ready and not self._taken:
            raise SpecError(f"runs depend on each other: {', '.join(self._waiting)}")
        taken: list[Job] = []
        held: list[tuple[int, str]] = []
        if most != 0:
            self._hear_of_others()
        if self._ready and (most is None or most > 1):
            self._others.look()
        while self._ready and (most is None or len(taken) < most):
            turn, run_id = heappop(self._ready)
            job = self._waiting[run_id]
            if run_id in self._lost:
                if worked_on(job):
                    held.append((turn, run_id))
                    continue
            elif self._others.began(job, sure=most == 1) and (self._taken or self._ready):
                # of what is left something is taken in any case, for executors to wait for
                self._others.left(job)
                self._put_aside(run_id, "another command has begun it")
                continue
            del self._waiting[run_id]
            self._taken[run_id] = job
            taken.append(job)
            self._others.took(job)
            if queued:
                self._queued.add(run_id)
            self._report(run_id, {"event": "queued" if queued else "started"})
        for entry in held:
            heappush(self._ready, entry)
        return taken

    def hear(self, message: Message) -> None:
        """Takes a message of a job; messages come in the order in which they were sent."""
        run_id, event = message
        self._start(run_id)
        if event["event"] in ("finished", "busy"):
            self._accounted.add(run_id)
        self._report(run_id, event)
        if event["event"] == "busy":
            self._busy.add(run_id)
            self._put_aside_needing(run_id)

    def end(self, run_id: str, reason: str) -> None:
        """The process of a job has ended, and everything that it sent was heard.

        Args:
            run_id: run id of the job.
            reason: the end of its process, for a job that has not reported its own end.
        """
        job = self._taken.pop(run_id)
        if run_id not in self._accounted:
            self._start(run_id)
            self._report(run_id, {"event": "died", "reason": reason})
        self._accounted.discard(run_id)
        if run_id in self._busy:
            self._busy.remove(run_id)
            self._put_off[run_id] = job
            self._others.left(job)
        else:
            self._has_ended(run_id)

    def lost(self, run_id: str, reason: str) -> None:
        """The machine of a job is gone, which is not the run's fault: it is to be taken again, and
        resumes from its last checkpoint. After `MOST_LOST` times it has died.

        Args:
            run_id: run id of the job.
            reason: description of the loss.
        """
        times = self._lost[run_id] = self._lost.get(run_id, 0) + 1
        if run_id in self._accounted or times > MOST_LOST:
            self.end(run_id, f"{reason}, and so it was {times} times")
            return
        self._waiting[run_id] = self._taken.pop(run_id)
        self._turns[run_id] = self._first_turn
        heappush(self._ready, (self._turns[run_id], run_id))
        self._queued.discard(run_id)
        self._report(run_id, {"event": "lost", "reason": reason})

    def _start(self, run_id: str) -> None:
        if run_id in self._queued:
            self._queued.remove(run_id)
            self._report(run_id, {"event": "started"})

    @property
    def _first_turn(self) -> int:
        """A turn before all others."""
        return min(self._turns.values()) - 1

    def _has_ended(self, run_id: str) -> None:
        """Lets the jobs start that needed nothing else."""
        for needing in self._needed_by.pop(run_id, ()):
            self._needs[needing].discard(run_id)
            if needing in self._put_off:
                self._take_back(needing)
            elif not self._needs[needing] and needing in self._waiting:
                heappush(self._ready, (self._turns[needing], needing))

    def _put_aside(self, run_id: str, reason: str) -> None:
        """Puts a job off, and those that depend on it."""
        self._put_off[run_id] = self._waiting.pop(run_id)
        self._report(run_id, {"event": "busy", "reason": reason})
        self._put_aside_needing(run_id)

    def _put_aside_needing(self, busy: str) -> None:
        """Puts off the jobs that depend on a busy one: they cannot start before it has ended."""
        for run_id in self._needed_by.get(busy, ()):
            if run_id in self._waiting:
                self._put_aside(run_id, f"it waits for run {busy}")

    def _take_back(self, run_id: str) -> None:
        """Lets a job that was put off start, unless another command executes it, or a job that it
        needs is put off itself.
        """
        if self._others.holds(self._put_off[run_id]) or not self._put_off.keys().isdisjoint(
            self._needs[run_id]
        ):
            return
        self._waiting[run_id] = self._put_off.pop(run_id)
        if not self._needs[run_id]:
            heappush(self._ready, (self._turns[run_id], run_id))
        for needing in self._needed_by.get(run_id, ()):
            if needing in self._put_off:
                self._take_back(needing)

    def _hear_of_others(self) -> None:
        """Updates the jobs that others have begun: one that is no longer held is resumed before any
        other job is begun.
        """
        news = self._others.news(self._put_off.values())
        ended = {run_id: state for run_id, state in news.items() if state != "free"}
        for run_id, state in ended.items():
            del self._put_off[run_id]
            self._report(run_id, {"event": "finished", "status": state})
        for run_id in ended:
            self._has_ended(run_id)
        for run_id in news:
            if run_id not in ended:
                self._turns[run_id] = self._first_turn
                self._take_back(run_id)
