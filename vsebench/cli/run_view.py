"""What is known of a run in progress, gathered from its events."""

from __future__ import annotations

import time
from typing import Any


class RunView:
    """The state of one run as its events tell it.

    Attributes:
        step: optimiser steps done.
        steps: optimiser steps to do; 0 before training.
        outcome: how it ended, in words; empty before.
    """

    def __init__(self) -> None:
        self.step = 0
        self.steps = 0
        self.outcome = ""
        self._started = time.monotonic()
        self._phase = "started"
        self._pace_from: tuple[float, int] | None = None
        self._facts: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Learns from an event."""
        kind = event["event"]
        if kind == "phase":
            self._phase = event["phase"]
        elif kind == "skipped":
            self.outcome = "done before"
        elif kind == "finished":
            self.outcome = f"{event['status']} in {time.monotonic() - self._started:.0f} s"
        elif kind in ("step", "evaluated"):
            self._take_step(event)

    def _take_step(self, event: dict[str, Any]) -> None:
        self.step, self.steps = event["step"], event.get("steps", self.steps)
        self._pace_from = self._pace_from or (time.monotonic(), self.step)
        if "epoch" in event:
            self._facts["epoch"] = f"epoch {int(event['epoch']) + 1}/{event['epochs']}"
        if "loss" in event:
            self._facts["loss"] = f"loss {event['loss']:.3f}"
        if "rsum" in event:
            self._facts["quality"] = f"dev RSUM {event['rsum']:.1f}"
        if "map" in event:
            self._facts["quality"] = f"dev MAP {event['map']:.4f}"

    @property
    def now(self) -> str:
        """What it does, in words."""
        if self._phase != "training" or not self.steps:
            return self._phase
        facts = (
            self._facts.get("epoch"),
            f"step {self.step}/{self.steps}",
            self._facts.get("loss"),
            self._facts.get("quality"),
        )
        return ", ".join(filter(None, facts))

    @property
    def brief(self) -> str:
        """What it does, in the few words that fit beside a bar."""
        if self._phase != "training" or not self.steps:
            return self._phase
        return ", ".join(filter(None, (self._facts.get("epoch"), self._facts.get("quality"))))

    @property
    def share(self) -> float:
        """Of its training that is done."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Of training, at the pace since the first step seen."""
        if self._pace_from is None or self.step <= self._pace_from[1]:
            return None
        since, done = self._pace_from
        return (time.monotonic() - since) / (self.step - done) * (self.steps - self.step)
