"""The executor `local`: runs side by side on this machine, each in a process of its own."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol, TypeVar

from vsebench.grid.dealing import place_of
from vsebench.grid.execute import held_by
from vsebench.grid.forking import preloading
from vsebench.grid.job import arguments, environment, open_log
from vsebench.grid.patience import ASK, ENDS, Patience, parse_event, whereabouts
from vsebench.plugin.executors import Schedule
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.lease import holder, is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from vsebench.grid.forking import ForkServer
    from vsebench.grid.job import Place
    from vsebench.plugin.jobs import Event, Job, Report

    Inbox = SimpleQueue[tuple[str, Event | None]]

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""For a process to end that was killed, and for the pipes of an ended one to close, which a process
that it left behind may hold open.
"""
_ASKING_SECONDS = 0.5
"""For a process to write where it is."""
_TAIL = 65_536


class LocalExecutor:
    """Starts a job as soon as a worker is free and the jobs that it depends on have ended. Jobs die
    with this process, or when they exceed their limits.

    Attributes:
        workers: jobs at a time; on CUDA they are dealt out over the devices, of which each may
            have several.
        devices: the CUDA devices, as `--device` names them; none stands for all.
    """

    def __init__(self, workers: int = 1, devices: Sequence[str] = ()) -> None:
        self.workers = workers
        self.devices = tuple(devices)

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        with preloading() if any(map(_may_fork, jobs)) else nullcontext() as server:
            slots = range(min(self.workers, len(jobs)))
            self._execute(Schedule(jobs, report), list(slots), server)

    def _execute(self, schedule: Schedule, free: list[int], server: ForkServer | None) -> None:
        running: dict[str, RunProcess] = {}
        slots: dict[str, int] = {}
        inbox: Inbox = SimpleQueue()
        try:
            while schedule:
                for job in schedule.take(len(free)):
                    slots[job.run_id] = free.pop(0)
                    running[job.run_id] = self._start(job, slots[job.run_id], inbox, server)
                run_id, event = next_event(inbox, running.values())
                if event is not None:
                    running[run_id].hear(event)
                    schedule.hear((run_id, event))
                else:
                    free.append(slots.pop(run_id))
                    schedule.end(run_id, running.pop(run_id).death())
        finally:
            for process in running.values():
                process.stop()

    def _start(self, job: Job, slot: int, inbox: Inbox, server: ForkServer | None) -> RunProcess:
        return RunProcess(
            job,
            lambda event: inbox.put((job.run_id, event)),
            place=place_of(slot, self.workers, self.devices, job.resources.devices)
            if job.resources.device == "cuda"
            else None,
            server=server if _may_fork(job) else None,
        )


def next_event(inbox: SimpleQueue[T], processes: Collection[RunProcess]) -> T:
    """What comes next. Processes that have had their time are ended meanwhile; what passes while
    this one is stopped, as by Ctrl-Z, is not of that time.
    """
    while True:
        asked = time.monotonic()
        wakes = max(
            asked, min([asked + GRACE_SECONDS, *(each.patience_ends for each in processes)])
        )
        came: list[T] = []
        with suppress(Empty):
            came.append(inbox.get(timeout=wakes - asked))
        stopped = time.monotonic() - wakes
        for process in processes:
            if stopped > GRACE_SECONDS:
                process.wait_longer(stopped)
            elif not came:
                process.end_if_overdue()
        if came:
            return came[0]


def _may_fork(job: Job) -> bool:
    """Whether nothing that the run needs forbids it: neither CUDA nor threads survive a fork."""
    needs = job.resources
    return needs.device == "cpu" and needs.threads == needs.devices == 1


class Process(Protocol):
    """What is asked of a started process, however it was started.

    Attributes:
        pid: its process id.
    """

    @property
    def pid(self) -> int: ...

    def kill(self) -> None:
        """Ends it at once; does nothing where it has ended."""

    def wait(self) -> int | None:
        """Waits for its end, and ends what it has left behind in its process group; its exit code,
        negative where a signal ended it. None where nobody knows.
        """


class _NewProcess:
    """A process that was newly started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._reaping = threading.Lock()
        self.pid = process.pid

    def kill(self) -> None:
        # `Popen.kill` reaps what has ended, and a thread that waits for it would find nothing
        with self._reaping, suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.wait()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # its pid stays its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with self._reaping:
            return self._process.wait()


class RunProcess:
    """A running job. `listen` is called from a thread with each event, and with None when the
    process has ended.

    Args:
        job: the run.
        listen: see above.
        place: the devices that the process sees; None leaves it all.
        server: forks the process where it can; without it, it is a new one.
    """

    def __init__(
        self,
        job: Job,
        listen: Callable[[dict[str, object] | None], None],
        *,
        place: Place | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self.job = job
        self._listen = listen
        self._patience = Patience(job.limits)
        self._given_up = math.inf
        self._reason = ""
        self._accounted = False
        self._ended = threading.Lock()
        with open_log(job.directory) as log:
            stdin, self._stdin = os.pipe()
            self._stdout, stdout = os.pipe()
            try:
                self._process = self._start(
                    (stdin, stdout, log.fileno()),
                    environment(job.resources.threads, place, job.resources.share),
                    server,
                )
            except BaseException:
                os.close(self._stdin)
                os.close(self._stdout)
                raise
            finally:
                os.close(stdin)
                os.close(stdout)
        self._follower, self._waiter = (
            threading.Thread(target=target, name=f"run {job.run_id}", daemon=True)
            for target in (self._follow, self._wait)
        )
        self._follower.start()
        self._waiter.start()

    @property
    def patience_ends(self) -> float:
        """When `end_if_overdue` has something to do."""
        return min(self._patience.deadline, self._given_up)

    def hear(self, event: Event) -> None:
        """Takes one of its events: a sign of progress."""
        self._patience.hear(event)

    def wait_longer(self, seconds: float) -> None:
        """Gives it that much more time."""
        self._patience.extend(seconds)
        self._given_up += seconds

    def end_if_overdue(self) -> None:
        """Ends the process where it has had its time. One that the system does not let end is
        waited for no longer.
        """
        now = time.monotonic()
        if now >= self._given_up:
            self._reason += ", and the system does not end its process"
            self._given_up = math.inf
            self._say_ended()
        elif not self._reason and now >= self._patience.deadline:
            self._end_for(self._patience.reason())

    def stop(self) -> None:
        """Ends the process at once; what it wrote so far is whole, and the run can be resumed."""
        self._process.kill()
        self._waiter.join(2 * GRACE_SECONDS)

    def death(self) -> str:
        """How an ended process ended, in words."""
        log = RunDirectory(self.job.directory).log_path
        if self._reason:
            return f"{self._reason}: see {log}"
        code = self._process.wait()
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
            forked = server.fork(arguments(self.job), streams)
            if forked is not None:
                return forked
        stdin, stdout, stderr = streams
        return _NewProcess(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "vsebench.grid.worker", *arguments(self.job)],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                process_group=0,  # the terminal's Ctrl-C is for us: we end the run
            )
        )

    def _end_for(self, reason: str) -> None:
        """Ends the process, once it has said where it is."""
        if ASK is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self._process.pid, ASK)
                time.sleep(_ASKING_SECONDS)
        self._reason = "; ".join(filter(None, (reason, whereabouts(self._tail()))))
        self._given_up = time.monotonic() + 2 * GRACE_SECONDS
        self._process.kill()

    def _tail(self) -> str:
        """The end of the run's log; nothing where it is gone."""
        with suppress(OSError), RunDirectory(self.job.directory).log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
            return log.read().decode(errors="replace")
        return ""

    def _follow(self) -> None:
        """Passes on what the process says."""
        # it may have ended at once; its exit code says more
        with suppress(BrokenPipeError):
            spec = memoryview(self.job.spec.encode() + b"\n")
            while spec:
                spec = spec[os.write(self._stdin, spec) :]
        with os.fdopen(self._stdout, "rb") as stdout:
            for line in stdout:
                if not line.endswith(b"\n"):  # it was killed while writing
                    break
                event = parse_event(line)
                if event is None:
                    self._reason = (
                        f"something in its process wrote {line[:40]!r} among its events, which are "
                        "for the run alone"
                    )
                    self._process.kill()
                    break
                self._accounted |= event["event"] in ENDS
                self._listen(event)

    def _wait(self) -> None:
        """Tells of the end of the process, after what it has said."""
        self._process.wait()
        self._follower.join(GRACE_SECONDS)
        os.close(self._stdin)
        successor = "" if self._accounted else self._successor()
        if successor:
            self._listen({"event": "busy", "reason": successor})
        self._say_ended()

    def _successor(self) -> str:
        """Who has taken the run over, in words, as this process hung; empty where nobody has."""
        directory = self.job.directory
        with suppress(OSError):
            other = holder(directory)
            if other is not None and other.pid != self._process.pid and is_held(directory):
                return held_by(directory)
        return ""

    def _say_ended(self) -> None:
        if self._ended.acquire(blocking=False):
            self._listen(None)
