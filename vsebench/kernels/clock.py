"""Seconds by phase, without waiting for the device inside a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def on_cpu(phase: str) -> str:
    """The key of a phase's CPU seconds."""
    return f"{phase} cpu"


class Clock:
    """Adds up the seconds of each phase: of the host or, on CUDA, of the stream, whose events
    `read` evaluates. Phases may be nested; an outer one includes the inner one's seconds.

    On the CPU it adds up the process's CPU seconds, too, under `on_cpu(phase)`: they count the work
    of all its threads, and other load on the machine does not lengthen them.

    Attributes:
        device: device of the work.
        seconds: seconds by phase, as `read` left them.
    """

    def __init__(self, device: torch.device, phases: Sequence[str]) -> None:
        self.device = device
        self.seconds = dict.fromkeys(phases, 0.0)
        if device.type == "cpu":
            self.seconds |= dict.fromkeys(map(on_cpu, phases), 0.0)
        self._marks: list[tuple[str, Any, Any]] = []

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        start = self._mark()
        try:
            yield
        finally:
            self._marks.append((phase, start, self._mark()))

    def read(self) -> dict[str, float]:
        """The seconds so far; on CUDA, waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        for phase, start, end in self._marks:
            if self.device.type == "cuda":
                self.seconds[phase] += start.elapsed_time(end) / 1000
            else:
                wall, cpu = (after - before for before, after in zip(start, end, strict=True))
                self.seconds[phase] += wall
                if self.device.type == "cpu":
                    self.seconds[on_cpu(phase)] += cpu
        self._marks.clear()
        return dict(self.seconds)

    def move(self, seconds: float, source: str, target: str) -> None:
        """Charges to one phase what was measured as another, at most all of it."""
        self.read()
        for origin, goal in ((source, target), (on_cpu(source), on_cpu(target))):
            if origin in self.seconds:
                moved = min(seconds, self.seconds[origin])
                self.seconds[origin] -= moved
                self.seconds[goal] += moved

    def _mark(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter(), time.process_time()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event
