"""A run in a process of its own: how it is started, listened to and ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from vsebench.files import guarded
from vsebench.results.directory import RunDirectory
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.plugin.protocols import Job

ONEDNN = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128", "LRU_CACHE_CAPACITY": "128"}
"""Bounds what oneDNN and torch keep per shape of a product: ragged batches seldom repeat their
shapes, and 1,024 kept ones take a gigabyte.
"""

_GRACE_SECONDS = 5.0
"""For the pipes of an ended process to close; a process that it left behind may hold them open."""


class RunProcess:
    """A running job. `listen` is called from a thread with each event, and with None when the
    process has ended.
    """

    def __init__(
        self,
        job: Job,
        listen: Callable[[dict[str, object] | None], None],
        *,
        cuda_device: str | None = None,
    ) -> None:
        self.job = job
        self._listen = listen
        with _log(job.directory) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "vsebench.grid.worker", str(job.directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(job, cuda_device),
                process_group=0,  # the terminal's Ctrl-C is for us: we end the run
            )
        self._thread = threading.Thread(target=self._follow, name=f"run {job.run_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the process at once; what it wrote so far is whole, and the run can be resumed."""
        self._process.kill()
        self._thread.join(_GRACE_SECONDS)

    def death(self) -> str:
        """How an ended process ended, in words."""
        code = self._process.wait()
        if code >= 0:
            return (
                f"its process ended with code {code} and left no record: see "
                f"{RunDirectory(self.job.directory).log_path}"
            )
        hint = ", which the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"its process was ended by {signal.Signals(-code).name}{hint}"

    def _follow(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it may have ended at once; its exit code says more
            self._process.stdin.write(self.job.spec.encode() + b"\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # else it was killed while writing
                self._listen(json.loads(line))
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._listen(None)


def _log(directory: Path) -> BinaryIO:
    """The log of a run, to be added to.

    Raises:
        VsebenchError: it cannot be written.
    """
    path = RunDirectory(directory).log_path
    with guarded(path):
        directory.mkdir(parents=True, exist_ok=True)
        return path.open("ab")


def _environment(job: Job, cuda_device: str | None) -> dict[str, str]:
    """The parent's environment and module search path, with as many threads as the run's protocol
    says.
    """
    threads = str(read_spec(job.spec).protocol.threads)
    environment = {
        **os.environ,
        **ONEDNN,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }
    return (
        environment if cuda_device is None else {**environment, "CUDA_VISIBLE_DEVICES": cuda_device}
    )
