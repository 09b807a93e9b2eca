"""The executor `local`: runs side by side on this machine, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from vsebench.grid.forking import preloading
from vsebench.grid.job import environment, open_log
from vsebench.kernels.devices import cuda_devices
from vsebench.plugin.executors import Schedule
from vsebench.results.directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.forking import ForkServer
    from vsebench.plugin.executors import Event, Job, Report

    Inbox = SimpleQueue[tuple[str, Event | None]]

_GRACE_SECONDS = 5.0
"""For the pipes of an ended process to close; a process that it left behind may hold them open."""


class LocalExecutor:
    """Starts a job as soon as a worker is free and the jobs that it depends on have ended. Jobs die
    with this process.

    Attributes:
        workers: jobs at a time; on CUDA they are dealt out over the devices, of which each may
            have several.
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
                    running[job.run_id] = self._start(job, slots[job.run_id], inbox, server)
                run_id, event = inbox.get()
                if event is not None:
                    schedule.hear((run_id, event))
                else:
                    free.append(slots.pop(run_id))
                    schedule.end(run_id, running.pop(run_id).death())
        finally:
            for process in running.values():
                process.stop()

    def _start(self, job: Job, slot: int, inbox: Inbox, server: ForkServer | None) -> RunProcess:
        devices = cuda_devices() if job.resources.device == "cuda" else []
        return RunProcess(
            job,
            lambda event: inbox.put((job.run_id, event)),
            cuda_device=devices[slot % len(devices)] if devices else None,
            on_device=-(-self.workers // len(devices)) if devices else 1,
            server=server if _may_fork(job) else None,
        )


def _may_fork(job: Job) -> bool:
    """Whether nothing that the run needs forbids it: neither CUDA nor threads survive a fork."""
    return job.resources.device == "cpu" and job.resources.threads == 1


class Process(Protocol):
    """What is asked of a started process, however it was started."""

    def kill(self) -> None:
        """Ends it at once; does nothing where it has ended."""

    def wait(self) -> int | None:
        """Waits for its end; its exit code, negative where a signal ended it. None where nobody
        knows.
        """


class RunProcess:
    """A running job. `listen` is called from a thread with each event, and with None when the
    process has ended.

    Args:
        job: the run.
        listen: see above.
        cuda_device: the only device that the process sees; None leaves it all.
        on_device: runs that share this device at most.
        server: forks the process where it can; without it, it is a new one.
    """

    def __init__(
        self,
        job: Job,
        listen: Callable[[dict[str, object] | None], None],
        *,
        cuda_device: str | None = None,
        on_device: int = 1,
        server: ForkServer | None = None,
    ) -> None:
        self.job = job
        self._listen = listen
        with open_log(job.directory) as log:
            stdin, self._stdin = os.pipe()
            self._stdout, stdout = os.pipe()
            try:
                self._process = self._start(
                    (stdin, stdout, log.fileno()),
                    environment(job.resources.threads, cuda_device, on_device),
                    server,
                )
            except BaseException:
                os.close(self._stdin)
                os.close(self._stdout)
                raise
            finally:
                os.close(stdin)
                os.close(stdout)
        self._thread = threading.Thread(target=self._follow, name=f"run {job.run_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the process at once; what it wrote so far is whole, and the run can be resumed."""
        self._process.kill()
        self._thread.join(_GRACE_SECONDS)

    def death(self) -> str:
        """How an ended process ended, in words."""
        code = self._process.wait()
        log = RunDirectory(self.job.directory).log_path
        if code is None:
            return f"its process and the one that it was forked from were ended: see {log}"
        if code >= 0:
            return f"its process ended with code {code} and left no record: see {log}"
        hint = ", which the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"its process was ended by {signal.Signals(-code).name}{hint}"

    def _start(
        self,
        streams: tuple[int, int, int],
        environment: dict[str, str],
        server: ForkServer | None,
    ) -> Process:
        if server is not None and server.environment == environment:
            forked = server.fork(self.job.directory, streams)
            if forked is not None:
                return forked
        stdin, stdout, stderr = streams
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "vsebench.grid.worker", str(self.job.directory)],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            process_group=0,  # the terminal's Ctrl-C is for us: we end the run
        )

    def _follow(self) -> None:
        with (
            suppress(BrokenPipeError),
            os.fdopen(self._stdin, "wb") as stdin,
            os.fdopen(self._stdout, "rb") as stdout,
        ):
            # it may have ended at once; its exit code says more
            with suppress(BrokenPipeError):
                stdin.write(self.job.spec.encode() + b"\n")
                stdin.flush()
            for line in stdout:
                if line.endswith(b"\n"):  # else it was killed while writing
                    self._listen(json.loads(line))
            self._process.wait()
        self._listen(None)
