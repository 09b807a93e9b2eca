"""Wall-clock seconds, split by what they were spent on."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

Phase = Literal["train", "mining", "evaluation", "refresh", "sampling"]
"""Refreshing a sampler of global negatives and drawing them are within `train`, which has their
seconds too.
"""


@dataclass
class Clock:
    """Adds up the seconds of each phase; on CUDA the device is waited for at both ends of a
    measurement.
    """

    device: torch.device
    seconds: dict[Phase, float] = field(default_factory=lambda: dict.fromkeys(get_args(Phase), 0.0))

    @contextmanager
    def measure(self, phase: Phase) -> Iterator[None]:
        start = self._now()
        try:
            yield
        finally:
            self.seconds[phase] += self._now() - start

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
