"""The progress of a suite on standard error: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from vsebench.cli.shared.counting import left_text
from vsebench.cli.shared.terminal import drawing, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

    from rich.progress import Progress, TaskID

    from vsebench.grid.plan import Plan
    from vsebench.plugin.jobs import Report


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
        self._started: float | None = None
        self._phase = self._brief = "started"
        self._pace_from: tuple[float, int] | None = None
        self._facts: dict[str, str] = {}
        self._computing: tuple[str, float, int] | None = None

    def take(self, event: dict[str, Any]) -> None:
        """Learns from an event."""
        kind = event["event"]
        if kind == "started":  # again, perhaps, or after a time in a queue
            self._started, self._pace_from = time.monotonic(), None
        elif kind == "phase":
            self._phase = self._brief = event["phase"]
        elif kind == "computing":
            self._count(event["what"], event["done"], event["total"])
        elif kind == "waiting":
            self._phase = f"waiting for {event['what']}, which another run computes"
            self._brief = f"waiting for {event['what']}"
        elif kind == "busy":  # another command's time is not known
            self._started = None
        elif kind == "skipped":
            self.outcome = "done before"
        elif kind == "finished":
            took = "" if self._started is None else f" in {time.monotonic() - self._started:.0f} s"
            self.outcome = ", ".join(
                filter(None, (f"{event['status']}{took}", event.get("result")))
            )
        elif kind in ("step", "evaluated"):
            self._take_step(event)

    def _count(self, what: str, done: int, total: int) -> None:
        """Says how far the computing of something is, and the time left at the pace since the first
        event that told of it.
        """
        now = time.monotonic()
        if self._computing is None or self._computing[0] != what:
            self._computing = what, now, done
        _, since, first = self._computing
        left = left_text(now - since, done - first, total - done)
        self._phase = f"computing {what}: {done:,} of {total:,}{left}"
        self._brief = f"{what}{left}"

    def _take_step(self, event: dict[str, Any]) -> None:
        self.steps = event.get("steps", self.steps)
        self.step = min(event["step"], self.steps or event["step"])  # a last batch may overshoot
        self._pace_from = self._pace_from or (time.monotonic(), self.step)
        if "epoch" in event:
            epoch = min(int(event["epoch"]) + 1, event["epochs"])
            self._facts["epoch"] = f"epoch {epoch}/{event['epochs']}"
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
            return self._brief
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


LINE_SECONDS = 5.0
"""The shortest time between two lines about one run's training."""


def progress(plan: Plan, *, quiet: bool) -> AbstractContextManager[Report | None]:
    """Shows what happens while the context is open."""
    if quiet:
        return nullcontext()
    return _live(plan) if sys.stderr.isatty() else nullcontext(PlainProgress(plan, sys.stderr))


class PlainProgress:
    """A line when a run starts, one every few seconds while it trains, and one when it ends."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        self._stream = stream
        self._labels = {run.run_id: plan.label(run) for run in plan.runs}
        self._views: dict[str, RunView] = {}
        self._spoke: dict[str, float] = {}
        self._ended = 0

    def __call__(self, run_id: str, event: dict[str, Any]) -> None:
        if run_id not in self._views:
            self._views[run_id] = RunView()
        view = self._views[run_id]
        before, kind = view.now, event["event"]
        view.take(event)
        if kind in ("finished", "skipped"):
            self._ended += 1
            self._say(run_id, view.outcome)
        elif kind in ("busy", "damaged", "lost"):
            self._say(run_id, event["reason"])
        elif kind in ("queued", "started"):
            self._say(run_id, kind)
        elif kind == "waiting" and view.now != before:
            self._say(run_id, view.now)
        elif (
            kind in ("evaluated", "computing")
            and time.monotonic() - self._spoke.get(run_id, 0.0) >= LINE_SECONDS
        ):
            left = view.seconds_left
            self._say(run_id, view.now if left is None else f"{view.now}, {left:.0f} s left")

    def _say(self, run_id: str, what: str) -> None:
        self._spoke[run_id] = time.monotonic()
        print(
            f"[{self._ended}/{len(self._labels)}] {self._labels[run_id]}: {what}",
            file=self._stream,
            flush=True,
        )


def shortened(label: str, width: int) -> str:
    """A run's label in that many columns: what is cut is its middle, so that the seed stays."""
    if len(label) <= width:
        return label
    head, separator, seed = label.rpartition(" · ")
    room = width - len(separator + seed) - 1
    return f"{head[:room]}…{separator}{seed}" if room > 0 else f"…{label[1 - width :]}"


_WIDE = 100
"""Columns of a terminal from which on bars are long."""

_BESIDE = 50
"""Columns of what stands beside a bar and its label."""

_LABEL = 12
"""The fewest columns of a label."""


@contextmanager
def _live(plan: Plan) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    def whole(minimum: int) -> Column:
        return Column(no_wrap=True, min_width=minimum)

    console = Console(file=drawing())
    bar = 16 if console.width >= _WIDE else 6
    columns = (
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        BarColumn(bar_width=bar, table_column=whole(bar)),
        TextColumn("{task.fields[note]}", markup=False, table_column=whole(26)),
        TimeElapsedColumn(table_column=whole(7)),
        TextColumn("left", table_column=whole(4)),
        TimeRemainingColumn(table_column=whole(7)),
    )
    with Progress(*columns, console=console, expand=True) as bars:
        yield LiveProgress(plan, bars, max(console.width - _BESIDE - bar, _LABEL))


class LiveProgress:
    """A bar for the suite and one for each run in progress; a run that ends leaves a line."""

    def __init__(self, plan: Plan, bars: Progress, room: int = 80) -> None:
        """Begins with no run.

        Args:
            plan: runs that are to be shown.
            bars: where they are.
            room: columns for the label of a bar.
        """
        self._bars = bars
        self._room = room
        short = len({run.dataset.spec for run in plan.runs}) == 1
        self._labels = {run.run_id: printable(plan.label(run, short=short)) for run in plan.runs}
        self._views: dict[str, RunView] = {}
        self._tasks: dict[str, TaskID] = {}
        self._ended = 0
        self._suite = bars.add_task("runs", total=len(plan.runs), note=f"0/{len(plan.runs)}")

    def __call__(self, run_id: str, event: dict[str, Any]) -> None:
        view = self._views.setdefault(run_id, RunView())
        view.take(event)
        if event["event"] in ("finished", "skipped"):
            self._ended += 1
            self._leave(run_id, view.outcome)
        elif event["event"] in ("busy", "damaged", "lost"):
            self._leave(run_id, event["reason"])
        elif event["event"] != "queued":
            task = self._tasks.get(run_id)
            if task is None:
                task = self._tasks[run_id] = self._bars.add_task(
                    shortened(self._labels[run_id], self._room), total=None, note=""
                )
            self._bars.update(task, total=view.steps or None, completed=view.step, note=view.brief)
        share = sum(self._views[other].share for other in self._tasks)
        self._bars.update(
            self._suite, completed=self._ended + share, note=f"{self._ended}/{len(self._labels)}"
        )

    def _leave(self, run_id: str, line: str) -> None:
        task = self._tasks.pop(run_id, None)
        if task is not None:
            self._bars.remove_task(task)
        self._bars.console.print(f"{self._labels[run_id]}: {line}", markup=False, highlight=False)
