"""Seconds by what they were spent on, without waiting for the device inside a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

Phase = Literal["sampling", "refresh", "update", "evaluation"]
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(eq=False)
class Clock:
    """Adds up the seconds of each phase: of the host, or on CUDA of the stream, whose marks are
    read by `read`.
    """

    device: torch.device
    seconds: dict[Phase, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    _marks: list[tuple[Phase, Any, Any]] = field(default_factory=list)

    @contextmanager
    def measure(self, phase: Phase) -> Iterator[None]:
        start = self._mark()
        try:
            yield
        finally:
            self._marks.append((phase, start, self._mark()))

    def read(self) -> dict[Phase, float]:
        """The seconds so far; on CUDA, waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        for phase, start, end in self._marks:
            self.seconds[phase] += (
                start.elapsed_time(end) / 1000 if self.device.type == "cuda" else end - start
            )
        self._marks.clear()
        return dict(self.seconds)

    def move(self, seconds: float, source: Phase, target: Phase) -> None:
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
