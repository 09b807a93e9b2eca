"""Which process is which: pids are recycled, and different machines may share a name."""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")
_STATE, _START = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted behind the command name


def machine_id() -> str | None:
    """Names this boot of this machine and its pid namespace, within which a pid means one process;
    None where that cannot be told (no Linux /proc).

    A host name alone will not do: containers on the host's network share it, and many machines are
    called `localhost`.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def start_time(pid: int) -> str | None:
    """When a process of this machine started, in clock ticks since boot; None when it is not
    running or cannot be told.

    With the pid it identifies a process: a recycled pid has another start time. A zombie (killed,
    not yet reaped) is not running.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[_STATE] in "ZX" else fields[_START]


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends, however that is; does
    nothing where the kernel cannot.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
