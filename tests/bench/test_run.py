from __future__ import annotations

import platform
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.bench import timing
from vsebench.bench.figure import Figure, Setting, Work
from vsebench.bench.figures import FIGURES
from vsebench.bench.run import measured, measured_apart
from vsebench.bench.timing import clock_of, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU = torch.device("cpu")


class Ticks:
    """A clock by which each call takes the seconds that it says."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def __call__(self, call: object) -> float:
        return call()  # type: ignore[operator,no-any-return]

    def side(self, name: str, *seconds: float) -> object:
        times = iter((0.0, *seconds))  # the first is the warm-up

        def call() -> float:
            self.order.append(name)
            return next(times)

        return call


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    ticks = Ticks()
    monkeypatch.setattr(timing, "clock_of", lambda device, processes: ticks)
    return ticks


def test_ratio_and_share_are_of_medians_of_alternating_rounds(ticks: Ticks) -> None:
    found = timed(
        Work(
            ours=ticks.side("ours", 2, 4, 30),
            reference=ticks.side("reference", 12, 90, 10),
            floor=ticks.side("floor", 1, 0, 2),
        ),
        CPU,
        seconds=0,
    )
    assert (found.ours, found.reference, found.floor) == (4, 12, 1)
    assert (found.ratio, found.share, found.rounds) == (3, 0.25, 3)
    assert ticks.order == ["reference", "ours", "floor"] * 4


def test_a_reference_that_does_a_share_of_the_work_is_scaled_up(ticks: Ticks) -> None:
    work = Work(
        ours=ticks.side("ours", 2, 2, 2),
        reference=ticks.side("reference", 1, 1, 1),
        reference_share=0.25,
    )
    found = timed(work, CPU, seconds=0)
    assert (found.ratio, found.share) == (2, None)


def test_what_the_reference_is_timed_within_takes_no_time(ticks: Ticks) -> None:
    @contextmanager
    def around() -> Iterator[None]:
        ticks.order.append("in")
        yield
        ticks.order.append("out")

    timed(
        Work(
            ours=ticks.side("ours", 1, 1, 1),
            reference=ticks.side("reference", 1, 1, 1),
            around=around,
        ),
        CPU,
        seconds=0,
    )
    assert ticks.order == ["in", "reference", "out", "ours"] * 4


_FAULTS = """
import resource
import numpy as np
from vsebench.bench.timing import default_allocator, one_thread

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.full(40 << 20, 1, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with one_thread():
    print(faults(), faults())
    with default_allocator():
        print(faults(), faults())
    print(faults(), faults())
"""
"""Page faults, of 4 KiB or 2 MiB each, of an array that is as large as the one before it."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc")
def test_only_the_default_allocator_hands_large_arrays_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS], check=True, capture_output=True, text=True
    )
    kept, handed_back, kept_again = (int(line.split()[1]) for line in done.stdout.splitlines())
    assert max(kept, kept_again) < 10 < handed_back


def test_work_of_many_seconds_is_timed_once_without_a_warm_up(ticks: Ticks) -> None:
    calls: list[int] = []
    found = timed(Work(ours=lambda: calls.append(1) or 1.0, most=1), CPU, seconds=9)
    assert (found.rounds, len(calls)) == (1, 1)


def test_the_cpu_is_timed_by_what_it_spends_and_not_by_what_it_waits() -> None:
    assert clock_of(CPU)(lambda: time.sleep(0.2)) < 0.1


def figure(make: object) -> Figure:
    return Figure("made/up", make)  # type: ignore[arg-type]


def test_a_failure_is_a_line_with_its_reason() -> None:
    def broken(setting: Setting) -> Work:
        raise RuntimeError("CUDA out of\nmemory")

    row = measured(figure(broken), "tiny", CPU)
    assert (row.status, row.error, row.seconds) == (
        "failed",
        "RuntimeError: CUDA out of memory",
        None,
    )
    assert "in broken" in row.trace


def test_a_figure_that_disagrees_with_its_plain_version_is_not_timed() -> None:
    calls: list[int] = []

    def disagree() -> None:
        raise AssertionError("3 of 4 values differ")

    row = measured(
        figure(lambda setting: Work(ours=lambda: calls.append(1), agree=disagree)), "tiny", CPU
    )
    assert (row.status, calls) == ("failed", [])
    assert "3 of 4" in row.error


def test_files_of_a_figure_are_deleted() -> None:
    folders = []

    def work(setting: Setting) -> Work:
        (setting.folder / "file").write_text("x")
        folders.append(setting.folder)
        return Work(ours=lambda: None)

    measured(figure(work), "tiny", CPU)
    assert not folders[0].exists()


def test_a_figure_apart_is_measured_as_here() -> None:
    triplet = next(each for each in FIGURES if each.name == "loss/triplet")
    row = measured_apart(triplet, "tiny", CPU)
    assert row.status == "done", row.error
    assert row.ratio is not None
    assert row.rounds == 3


def test_a_process_that_dies_is_a_failed_figure() -> None:
    row = measured_apart(figure(lambda setting: Work(ours=lambda: None)), "tiny", CPU)
    assert row.status == "failed"  # the process knows no such figure
    assert "its process ended with code 1, saying: StopIteration" in row.error


def test_a_process_that_hangs_is_a_failed_figure() -> None:
    row = measured_apart(FIGURES[0], "tiny", CPU, limit=0.01)
    assert row.error == "TimeoutError: it took longer than 0 s"
