"""Jobs of executors: a run to execute, what it needs, what it says, and its execution."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Event = dict[str, object]
"""An event of a run: JSON values; `event` is its kind."""

Message = tuple[str, Event]
"""A run id and an event of that run."""

Status = Literal["done", "failed", "blocked", "busy"]

ONEDNN = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128", "LRU_CACHE_CAPACITY": "128"}
"""Bounds what oneDNN and torch keep per shape of a product: ragged batches seldom repeat their
shapes, and 1,024 kept ones take a gigabyte.
"""

MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""Lets glibc keep the memory of a step for the next one. By default it hands large arrays back to
the system, which clears them page by page before they are used again: a tenth of a small step, half
of the time that a batch of 128 images of 36 × 2,048 takes. It takes no array from the system alone,
and how much it may keep at the end of the heap is set: with a quarter of that, a step of
VSE-infinity's size takes 5 % longer.
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
        stall: time between two of its events that tell of progress; after it, other processes may
            take the run over, too.
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
