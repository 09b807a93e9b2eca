"""One thread, one core, one allocator setting for both sides of every ratio.

    pytest benchmarks/bench_*.py            # the quick ones
    pytest benchmarks/bench_*.py -m slow    # full-size data

Only ratios are worth reading: each benchmark times a plain reference and the fast version in
alternating rounds of the same process.
"""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING, Any, Protocol

from vsebench.cli.bench import THREADS

for _name in THREADS:
    os.environ[_name] = "1"  # before any of the libraries is imported

import pytest  # noqa: E402
import torch  # noqa: E402

from vsebench.bench.timing import clock_of, one_thread  # noqa: E402

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
        share: float = 1.0,
    ) -> float: ...


@pytest.fixture(autouse=True, scope="session")
def measured_alike() -> Iterator[None]:
    """One thread on one core, for both sides of every ratio."""
    with one_thread():
        yield


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    """A function that records `reference / fast` (medians of alternating rounds) in
    `benchmark.extra_info["ratio"]`, and prints it at the end.

    A reference that does a `share` of the work only is scaled up. Ratios are of CPU seconds of this
    process and of those that it has started and that have ended. Other load on the machine disturbs
    them less than the wall-clock times in pytest-benchmark's own table.
    """

    def run(
        benchmark: Any,
        fast: Callable[[], object],
        reference: Callable[[], object],
        *,
        rounds: int = 5,
        share: float = 1.0,
    ) -> float:
        seconds = clock_of(torch.device("cpu"))
        times: dict[Callable[[], object], list[float]] = {fast: [], reference: []}

        def timed(function: Callable[[], object]) -> None:
            times[function].append(seconds(function))

        fast()  # compiles and warms up, unmeasured
        benchmark.pedantic(timed, args=(fast,), setup=lambda: timed(reference), rounds=rounds)
        slow, quick = statistics.median(times[reference]) / share, statistics.median(times[fast])
        benchmark.extra_info.update(ratio=slow / quick, reference_seconds=slow)
        line = (
            f"{request.node.name}: {slow / quick:.2f}x ({quick * 1e3:.2f} ms against "
            f"{slow * 1e3:.2f} ms)"
        )
        request.config.stash.setdefault(_RATIOS, []).append(line)
        return slow / quick

    return run


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(_RATIOS, []):
        terminalreporter.section("times faster than the reference")
        for line in lines:
            terminalreporter.line(line)
