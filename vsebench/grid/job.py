"""A run as executors get it, and what becomes of it in its process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from vsebench.files import guarded
from vsebench.grid.execute import attempt
from vsebench.plugin.executors import Job, Resources
from vsebench.results.directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vsebench.plugin.executors import Event, Message, Status
    from vsebench.results.spec import AnySpec

_STANDARD = (1, 2)


def job_of(spec: AnySpec, directory: Path) -> Job:
    """The job of a run that is to be executed in a directory."""
    resources = Resources(spec.device, spec.protocol.threads)
    return Job(spec.run_id, spec.model_dump_json(), directory, spec.depends_on, resources)


def execute_job(job: Job, send: Callable[[Message], object]) -> Status:
    """As `vsebench.plugin.execute`."""

    def report(event: Event) -> None:
        send((job.run_id, event))

    with _printing_to_log(job.directory):
        return attempt(job.spec, job.directory, report)


@contextmanager
def _printing_to_log(directory: Path) -> Iterator[None]:
    """Sends what is printed inside, by libraries too, to the log of a run.

    Raises:
        VsebenchError: the log cannot be written.
    """
    path = RunDirectory(directory).log_path
    with guarded(path):
        directory.mkdir(parents=True, exist_ok=True)
        log = path.open("a", encoding="utf-8", buffering=1)
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
