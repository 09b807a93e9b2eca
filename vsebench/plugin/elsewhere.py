"""Further interface for executors, where machines can be lost or do not share the folder of runs.

A run that is executed where its folder cannot be seen:

    away = send_away(job)                     # where the folder is; None if another works on it
    parcel = away.parcel()                    # can be pickled
    with unpacked(parcel) as there:           # where the run is executed
        run = spawn(there.job, send)
        ...                                   # now and then, and at the end, there.changed()
    away.receive(files)                       # where the folder is, in order
    away.release()
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from vsebench.plugin.jobs import Job, Message

Files = dict[str, bytes | None]
"""Files of a run by name: what they hold, or None where they were removed."""


class SpawnedRun(Protocol):
    """A run in a process of its own, on this machine."""

    def wait(self) -> str:
        """Passes on what the run says, keeps its limits, and returns when its process has ended;
        called once.

        Returns:
            How the process ended, for `Schedule.end`.
        """

    def stop(self, checkpoint_within: float = 0.0) -> None:
        """Ends the process, from any thread; the run can be resumed at once, by anyone.

        Args:
            checkpoint_within: seconds for which the run may continue to its next checkpoint.
        """


@dataclass(frozen=True)
class Parcel:
    """A run with everything that it needs except its data, for any machine. It can be pickled.

    Attributes:
        job: the run.
        files: its files so far, and those of the runs that it depends on, by path below the folder
            of runs.
        plugins: names and contents of the plugin files that it needs.
    """

    job: Job
    files: Mapping[str, bytes]
    plugins: tuple[tuple[str, bytes], ...]


class Away(Protocol):
    """A run that is executed where its folder cannot be seen; no other process executes it
    meanwhile.
    """

    @property
    def taken_over(self) -> bool:
        """Whether another process has taken the run over, as this one stood still for too long."""

    def parcel(self) -> Parcel:
        """The run as it stands."""

    def receive(self, files: Files) -> None:
        """Writes files that came back, unless another process has taken the run over.

        Raises:
            VsebenchError: the directory cannot be written.
        """

    def release(self) -> None:
        """Lets others execute it."""


class Unpacked(Protocol):
    """A run on the machine that executes it.

    Attributes:
        job: the run, in a temporary directory.
    """

    job: Job

    def changed(self, *, ended: bool = False) -> Files:
        """Files that the run wrote and removed since the last call.

        Args:
            ended: whether the run's process has ended.
        """


def spawn(job: Job, send: Callable[[Message], object]) -> SpawnedRun:
    """Starts a process that executes a job, as `execute` does, and that ends with this one. Where
    the process sees several CUDA devices, the run uses the first.

    Args:
        job: the run.
        send: receives the run's id with each event, in the thread that waits.

    Raises:
        VsebenchError: the directory cannot be written.
    """
    run: SpawnedRun = import_module("vsebench.grid.spawned").Spawned(job, send)
    return run


def worked_on(job: Job) -> bool:
    """Whether a process holds the run's directory, judged without writing. A process of another
    machine counts as alive until two minutes after its last heartbeat.
    """
    return bool(import_module("vsebench.results.folder.lease").is_held(job.directory))


def send_away(job: Job) -> Away | None:
    """Prepares a run to be executed where its folder cannot be seen; None where another process
    works on it.

    Raises:
        VsebenchError: the directory cannot be written.
    """
    away: Away | None = import_module("vsebench.grid.away").send_away(job)
    return away


def unpacked(parcel: Parcel) -> AbstractContextManager[Unpacked]:
    """Puts a run into a temporary directory, which is removed at the end of the context, or by the
    next call where this process was killed.

    Raises:
        OSError: the directory cannot be written.
    """
    context: AbstractContextManager[Unpacked] = import_module("vsebench.grid.away").unpacked(parcel)
    return context
