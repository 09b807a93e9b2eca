"""Interface for executors: the order of jobs.

An executor decides where a run is executed. What a job is (`vsebench.plugin.jobs`) and in which
order jobs may start is decided once for all of them:

    def execute(self, jobs, report):
        schedule = Schedule(jobs, report)
        while schedule:
            for job in schedule.take(self.workers):
                ...                     # somewhere else, execute(job, send)
            ...                         # schedule.hear(what was sent), schedule.end(run_id, reason)

Where it is executed, `vsebench.plugin.spawn` gives a run a process of its own and keeps its limits.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from vsebench.plugin.elsewhere import worked_on
from vsebench.plugin.errors import SpecError
from vsebench.plugin.others import Others

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vsebench.plugin.jobs import Job, Message, Report

UNBOUNDED = 1_000_000
"""Number of concurrent runs without a bound."""

MOST_LOST = 5
"""Number of restarts of a run whose machine was lost: a run that brings down every machine ends."""


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
