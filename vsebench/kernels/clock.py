"""Seconds by what they were spent on, without waiting for the device inside a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Clock:
    """Adds up the seconds of each phase: of the host, or on CUDA of the stream, whose marks are
    read by `read`. Phases may lie within each other; each has all of its seconds.

    Attributes:
        device: device of the work.
        seconds: seconds by phase, as `read` left them.
    """

    def __init__(self, device: torch.device, phases: Sequence[str]) -> None:
        self.device = device
        self.seconds = dict.fromkeys(phases, 0.0)
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
            self.seconds[phase] += (
                start.elapsed_time(end) / 1000 if self.device.type == "cuda" else end - start
            )
        self._marks.clear()
        return dict(self.seconds)

    def move(self, seconds: float, source: str, target: str) -> None:
        """Charges to one phase what was measured as another, at most all of it."""
        self.read()
        seconds = min(seconds, self.seconds[source])
        self.seconds[source] -= seconds
        self.seconds[target] += seconds

    def _mark(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event
