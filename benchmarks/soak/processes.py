"""The processes that a soak has started, and nobody else's: each carries its mark in its
environment.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "VSEBENCH_SOAK"
_PROC = Path("/proc")
_SERVER, _WORKER, _COMMAND = "vsebench.grid.fork_server", "vsebench.grid.worker", "vsebench"
_STATE, _PARENT = 0, 1
"""Fields of /proc/PID/stat behind the command's name."""


@dataclass(frozen=True)
class Process:
    """A process of the soak.

    Attributes:
        pid: its process id.
        role: `driver` (the command itself), `server` (what runs are forked from) or `worker`.
    """

    pid: int
    role: str


def own(mark: str) -> list[Process]:
    """All that carry the mark and run, by pid."""
    return sorted(_marked(mark), key=lambda process: process.pid)


def send(process: Process, mark: str, number: int) -> bool:
    """Signals a process if it still carries the mark; whether it did.

    The pid cannot come to mean another process in between.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not _carries(process.pid, mark):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def resident_mb(pid: int) -> float | None:
    """Its resident memory in MiB; None where it has ended."""
    with suppress(OSError, IndexError):
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return None


def executes(pid: int) -> bool:
    """Whether a command executes a run."""
    others = [int(each.name) for each in _PROC.iterdir() if each.name.isdigit()]
    children = {other for other in others if _parent(other) == pid}
    return any(
        _role(other) == "worker"
        for other in others
        if other in children or _parent(other) in children
    )


def _marked(mark: str) -> Iterator[Process]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and _carries(pid := int(folder.name), mark):
            role = _role(pid)
            if role is not None:
                yield Process(pid, role)


def _carries(pid: int, mark: str) -> bool:
    with suppress(OSError):
        return f"{MARK}={mark}".encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return False


def _role(pid: int) -> str | None:
    """What a process of ours does; None where it has ended. One that was forked is called what the
    one is called that it was forked from.
    """
    words, parent = _command(pid), _parent(pid)
    if not words or parent is None:
        return None
    if _SERVER in words:
        return "worker" if _SERVER in _command(parent) else "server"
    return "worker" if _WORKER in words else "driver" if _COMMAND in words else "other"


def _command(pid: int) -> list[str]:
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    return []


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if fields[_STATE] in "ZX" else int(fields[_PARENT])
    return None
