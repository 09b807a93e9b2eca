"""Peak memory of a run."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")
_MAPS = Path("/proc/self/smaps")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_FILE = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ [1-9]\d*\s+(/.*)$")
_RESIDENT = re.compile(r"^Rss:\s+(\d+) kB$")

_libraries: dict[str, int] = {}


def mapped_files() -> dict[str, int]:
    """KiB in memory of each file that is mapped, by its path; nothing where there is no /proc."""
    resident: dict[str, int] = {}
    path = ""
    for line in _MAPS.read_text().splitlines() if _MAPS.exists() else ():
        if (size := _RESIDENT.match(line)) and path:
            resident[path] = resident.get(path, 0) + int(size[1])
        elif line[0] in "0123456789abcdef":
            path = found[1] if (found := _FILE.match(line)) else ""
    return resident


def forked_with(libraries: dict[str, int]) -> None:
    """Says that this process was forked from one with these `mapped_files`.

    Pages of files are not its own before it reads them. Those that only loading reads are counted
    in its peak nevertheless, so that it is that of a process which has loaded them itself.
    """
    _libraries.clear()
    _libraries.update(libraries)


def peak_memory_mb(device: torch.device) -> float:
    """Peak memory in MiB: of the device's allocator on CUDA, else the resident memory of this
    process.
    """
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_mb()


def peak_mb() -> float:
    """Peak resident memory of this process in MiB. Not `ru_maxrss` on Linux, which begins with what
    the parent had when it started this program.
    """
    peak = _PEAK.search(_STATUS.read_text()) if _STATUS.exists() else None
    if peak is None:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    now = mapped_files() if _libraries else {}
    unread = sum(max(0, size - now.get(path, 0)) for path, size in _libraries.items())
    return (int(peak[1]) + unread) / 1024
