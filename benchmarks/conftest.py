"""One thread, one core, one allocator setting for both sides of every ratio.

    pytest benchmarks/bench_*.py            # the quick ones
    pytest benchmarks/bench_*.py -m slow    # full-size data

Only ratios are worth reading: each benchmark times a plain reference and the fast version in
alternating rounds of the same process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"  # read when the libraries load, hence before any of them is imported

import pytest  # noqa: E402
import torch  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RATIOS = pytest.StashKey[list[str]]()


class Compare(Protocol):
    """Times `fast` against `reference`; see `compare`."""

    def __call__(
        self,
        benchmark: Any,
        fast: Callable[[], object],
        reference: Callable[[], object],
        *,
        rounds: int = 5,
    ) -> float: ...


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Pins the process to one core with one torch thread, and keeps freed memory so that page
    faults do not count.
    """
    torch.set_num_threads(1)
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        m_trim_threshold, m_mmap_max = -1, -4
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    """A function that records `reference / fast` (medians of alternating rounds) in
    `benchmark.extra_info["ratio"]`, and prints it at the end.

    Ratios are of CPU seconds of this process and of those that it has started and that have ended.
    Other load on the machine disturbs them less than the wall-clock times in pytest-benchmark's own
    table.
    """

    def run(
        benchmark: Any,
        fast: Callable[[], object],
        reference: Callable[[], object],
        *,
        rounds: int = 5,
    ) -> float:
        times: dict[Callable[[], object], list[float]] = {fast: [], reference: []}

        def timed(function: Callable[[], object]) -> None:
            start = _cpu_seconds()
            function()
            times[function].append(_cpu_seconds() - start)

        fast()  # compiles and warms up, unmeasured
        benchmark.pedantic(timed, args=(fast,), setup=lambda: timed(reference), rounds=rounds)
        slow, quick = statistics.median(times[reference]), statistics.median(times[fast])
        benchmark.extra_info.update(ratio=slow / quick, reference_seconds=slow)
        line = (
            f"{request.node.name}: {slow / quick:.2f}x ({quick * 1e3:.2f} ms against "
            f"{slow * 1e3:.2f} ms)"
        )
        request.config.stash.setdefault(_RATIOS, []).append(line)
        return slow / quick

    return run


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(_RATIOS, []):
        terminalreporter.section("times faster than the reference")
        for line in lines:
            terminalreporter.line(line)
