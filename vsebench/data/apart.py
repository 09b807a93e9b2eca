"""A process of its own for libraries that damaged files crash, or keep busy without end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

MOST_BYTES = 1 << 32
"""What such a process may have of address space."""


def read_apart(module: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Runs a module that prints what it reads, and gives its exit code and output."""
    return subprocess.run(
        [sys.executable, "-P", "-m", module, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",  # whose threads would take up memory
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        check=False,
    )


def limit(cpu_seconds: int) -> None:
    """Bounds this process: its CPU seconds and memory, and no core file when it crashes."""
    for kind, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
