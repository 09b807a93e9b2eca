"""A run in a process of its own, as `vsebench.plugin.spawn` gives it to executors."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vsebench.grid.local import RunProcess, next_event
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import Lease, is_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.plugin.jobs import Event, Job, Message

_POLL_SECONDS = 0.1


class Spawned:
    """The process of a run. As `vsebench.plugin.SpawnedRun`."""

    def __init__(self, job: Job, send: Callable[[Message], object]) -> None:
        self._job, self._send = job, send
        self._inbox: SimpleQueue[Event | None] = SimpleQueue()
        self._ended = threading.Event()
        self._process = RunProcess(job, self._hear)

    def wait(self) -> str:
        while True:
            event = next_event(self._inbox, [self._process])
            if event is None:
                return self._process.death()
            self._process.hear(event)
            self._send((self._job.run_id, event))

    def stop(self, checkpoint_within: float = 0.0) -> None:
        path = RunDirectory(self._job.directory).checkpoint_path
        before, until = _written(path), time.monotonic() + checkpoint_within
        # a run that removes its checkpoint is about to end
        while time.monotonic() < until and _written(path) in (before, None):
            if self._ended.wait(_POLL_SECONDS):
                break
        self._process.stop()
        _release(self._job.directory)

    def _hear(self, event: Event | None) -> None:
        if event is None:
            self._ended.set()
        self._inbox.put(event)


def _written(path: Path) -> tuple[int, int] | None:
    """What tells one version of a file from the next; None where it is missing."""
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def _release(directory: Path) -> None:
    """Takes the lease of a killed process and gives it back, so that other machines need not wait
    for it to expire.
    """
    with suppress(VsebenchError):  # where nothing can be written, nothing can be done
        if directory.exists() and not is_held(directory):
            lease = Lease.claim(directory)
            if lease is not None:
                lease.release()
