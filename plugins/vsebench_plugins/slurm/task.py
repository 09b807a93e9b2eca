"""The work of a Slurm job: executing a run and writing its events to a file."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from submitit.helpers import DelayedSubmission

from vsebench.plugin import spawn, worked_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.plugin import Event, Job, SpawnedRun

ENDED = "ended"
"""The last event of a run: the end of its process."""

_HOLDER_SECONDS = 150.0
"""Time for the lease of a lost node to expire."""

_KILL_SECONDS = 5.0
"""Part of the grace reserved for ending a run that has not reached a checkpoint."""


class RunTask:
    """A run. It can be pickled before it is called, and after `checkpoint`.

    Args:
        job: the run.
        events: file that receives the events of the run, one JSON object per line.
        grace: seconds between the scheduler's signal and the end.
    """

    def __init__(self, job: Job, events: Path, grace: float) -> None:
        self._job, self._events, self._grace = job, events, grace
        self._process: SpawnedRun | None = None

    def __call__(self) -> None:
        if _is_restart():  # after the loss of a node, its lease must expire first
            until = time.monotonic() + _HOLDER_SECONDS
            while worked_on(self._job) and time.monotonic() < until:
                time.sleep(1.0)
        with _signals_blocked():
            self._process = spawn(self._job, lambda message: self._say(message[1]))
        try:
            reason = self._process.wait()
        finally:
            self._process.stop()
        self._say({"event": ENDED, "reason": reason})

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit on the scheduler's signal, before it requeues the job: the run stops
        at its next checkpoint, or at once if none comes in time, and later resumes from the last
        one.
        """
        if self._process is not None:
            self._process.stop(checkpoint_within=self._grace - _KILL_SECONDS)
        return DelayedSubmission(RunTask(self._job, self._events, self._grace))

    def _say(self, event: Event) -> None:
        with self._events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def _is_restart() -> bool:
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Blocks, in processes that are started inside, the signals of preemption and of limits, which
    Slurm sends to every process of a job.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
