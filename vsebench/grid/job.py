"""A run as executors get it: its job, the environment and the log of its process, and what becomes
of it there.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from vsebench.files import guarded
from vsebench.grid.execute import attempt
from vsebench.kernels.devices import RUNS_ON_DEVICE
from vsebench.plugin.jobs import MALLOC, Job, Limits, Resources
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.provenance import RUN_DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vsebench.plugin.jobs import Event, Message, Status
    from vsebench.results.spec import AnySpec

NO_LIMITS = Limits()
_STANDARD = (1, 2)


def job_of(spec: AnySpec, directory: Path, limits: Limits = NO_LIMITS, share: float = 1.0) -> Job:
    """The job of a run that is to be executed in a directory, on a share of a device."""
    resources = Resources(spec.device, spec.protocol.threads, share, spec.devices)
    text = spec.model_dump_json()
    return Job(spec.run_id, text, directory, spec.depends_on, resources, limits)


class Place(NamedTuple):
    """Where on this machine a run has its CUDA devices.

    Attributes:
        names: the devices as `--device` names them, such as `cuda:1`.
        visible: the same as `CUDA_VISIBLE_DEVICES` names them: all that the process sees.
        runs: runs that share them at most.
    """

    names: tuple[str, ...]
    visible: tuple[str, ...]
    runs: int = 1


def environment(threads: int, place: Place | None = None, share: float = 1.0) -> dict[str, str]:
    """The environment of a run's process: this one's and its module search path, with as many
    threads as the run's protocol says; on CUDA with its place, or where another one deals out
    devices, with its share of one.
    """
    given = Resources("cpu", threads).variables
    ours = {name: value for name, value in os.environ.items() if name in MALLOC}
    settings = {
        **os.environ,
        **given,
        **ours,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    if place is None:
        shared = {RUNS_ON_DEVICE: str(round(1 / share))} if share < 1 else {}
        return {**settings, **shared}
    return {
        **settings,
        "CUDA_VISIBLE_DEVICES": ",".join(place.visible),
        RUN_DEVICES: ",".join(place.names),
        RUNS_ON_DEVICE: str(place.runs),
    }


def arguments(job: Job) -> list[str]:
    """Those of `vsebench.grid.worker` for a job."""
    stall = job.limits.stall
    return [str(job.directory), *([] if stall is None else [str(stall)])]


def open_log(directory: Path) -> BinaryIO:
    """The log of a run, to be added to.

    Raises:
        VsebenchError: it cannot be written.
    """
    path = RunDirectory(directory).log_path
    with guarded(path):
        directory.mkdir(parents=True, exist_ok=True)
        return path.open("ab")


def execute_job(job: Job, send: Callable[[Message], object]) -> Status:
    """As `vsebench.plugin.execute`."""

    def report(event: Event) -> None:
        send((job.run_id, event))

    with _printing_to_log(job.directory):
        return attempt(job.spec, job.directory, report, job.limits.stall)


@contextmanager
def _printing_to_log(directory: Path) -> Iterator[None]:
    """Sends what is printed inside, by libraries too, to the log of a run.

    Raises:
        VsebenchError: the log cannot be written.
    """
    log = io.TextIOWrapper(open_log(directory), encoding="utf-8", line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(standard) for standard in _STANDARD]
    with log:
        for standard in _STANDARD:
            os.dup2(log.fileno(), standard)
        try:
            with redirect_stdout(log), redirect_stderr(log):
                yield
        finally:
            for standard, before in zip(_STANDARD, kept, strict=True):
                os.dup2(before, standard)
                os.close(before)
