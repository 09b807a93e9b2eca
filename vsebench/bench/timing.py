"""Times the sides of a work in alternating rounds of one process, so that whatever else the machine
does disturbs them alike.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vsebench.bench.figure import Work

    Clock = Callable[[Callable[[], object]], float]

LEAST = 3
"""Rounds of a work that allows so many."""


@dataclass(frozen=True)
class Timing:
    """Median seconds.

    Attributes:
        ours: seconds of the package.
        reference: seconds of the plain version, None without one.
        floor: seconds of the floor, None without one.
        rounds: how often each was timed.
    """

    ours: float
    reference: float | None
    floor: float | None
    rounds: int

    @property
    def ratio(self) -> float | None:
        """How many times as long the plain version takes."""
        return None if self.reference is None else _quotient(self.reference, self.ours)

    @property
    def share(self) -> float | None:
        """The share of our time that the floor takes: 1 is as fast as can be."""
        return None if self.floor is None else _quotient(self.floor, self.ours)


def _quotient(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def timed(work: Work, device: torch.device, seconds: float) -> Timing:
    """Times a work.

    Args:
        work: its sides.
        device: device that it runs on.
        seconds: seconds after which no further round begins, once there were `LEAST`.
    """
    sides = {
        name: side
        for name in ("reference", "ours", "floor")
        if (side := getattr(work, name)) is not None
    }
    clock = clock_of(device, processes=work.processes)
    around = {"reference": work.around}
    if work.most > 1:
        for name, side in sides.items():
            with around.get(name, nullcontext)():
                side()  # compiles, and allocates
    times: dict[str, list[float]] = {name: [] for name in sides}
    rounds, end = 0, time.perf_counter() + seconds
    while rounds < min(LEAST, work.most) or (rounds < work.most and time.perf_counter() < end):
        for name, side in sides.items():
            with around.get(name, nullcontext)():
                times[name].append(clock(side))
        rounds += 1
    medians = {name: statistics.median(each) for name, each in times.items()}
    reference = medians.get("reference")
    return Timing(
        ours=medians["ours"],
        reference=None if reference is None else reference / work.reference_share,
        floor=medians.get("floor"),
        rounds=rounds,
    )


def clock_of(device: torch.device, *, processes: bool = False) -> Clock:
    """What measures a call's seconds: CPU seconds on the CPU, which other load disturbs least, of
    this process and of those that it started and that have ended; events on CUDA, or the wall clock
    for work in processes of its own.
    """
    if device.type == "cpu":
        return _cpu_seconds
    return _wall_seconds if processes else _event_seconds


def _cpu_seconds(call: Callable[[], object]) -> float:
    start = _spent()
    call()
    return _spent() - start


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _wall_seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _event_seconds(call: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread on one core, fp32 products as training has them, and an allocator that keeps
    what is freed, so that page faults do not count.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    _keep_freed_memory()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        with cpu_threads(1), true_float32():
            yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # names of `mallopt`


def _keep_freed_memory() -> None:
    if libc := _glibc():
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def default_allocator() -> Iterator[None]:
    """The allocator as in a process that sets nothing, once glibc's thresholds have risen as far as
    they do: what exceeds 32 MiB is handed back to the system when it is freed, and comes page by
    page when it is wanted again. Another allocator than glibc's stays as it is.
    """
    libc = _glibc()
    if not libc:
        yield
        return
    libc.mallopt(_MMAP_MAX, 65_536)
    libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
    libc.mallopt(_TRIM_THRESHOLD, 64 << 20)
    libc.malloc_trim(0)
    try:
        yield
    finally:
        _keep_freed_memory()


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") else None
