"""Progress of work that is counted, on standard error, with the time left: a bar on a terminal, a
line every few seconds elsewhere.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vsebench.cli.shared.terminal import drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from rich.progress import Progress, TaskID

    Report = Callable[[str, int, int], None]

LINE_SECONDS = 5.0
"""The shortest time between two lines."""

_BAR_SECONDS = 0.1


@contextmanager
def counting(unit: str, *, quiet: bool) -> Iterator[Report]:
    """A function that is told what is done, how much of it, and of how much.

    Args:
        unit: what is counted.
        quiet: nothing is shown.
    """
    if quiet:
        yield lambda _what, _done, _total: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, TextColumn("left"), TimeRemainingColumn(), console=Console(file=drawing())
        ) as bars:
            yield _Bars(bars)
    else:
        yield Lines(unit, sys.stderr)


def left_text(seconds: float, done: int, left: int) -> str:
    """The time left at the pace so far, as `, 12 s left`; empty where there is none.

    Args:
        seconds: time that `done` took.
        done: how much was done in it.
        left: how much is left to do.
    """
    return f", {seconds / done * left:.0f} s left" if done > 0 and left > 0 else ""


class Lines:
    """A line when something begins, every few seconds while it lasts, and when it ends."""

    def __init__(self, unit: str, stream: TextIO) -> None:
        self._unit = unit
        self._stream = stream
        self._begun: dict[str, tuple[float, int]] = {}
        self._spoke = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what not in self._begun or done == total or now - self._spoke >= LINE_SECONDS:
            begun, first = self._begun.setdefault(what, (now, done))
            self._spoke = now
            left = left_text(now - begun, done - first, total - done)
            print(
                f"{what}: {done:,} of {total:,} {self._unit}{left}", file=self._stream, flush=True
            )


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._drawn = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        elif done < total and time.monotonic() - self._drawn < _BAR_SECONDS:
            return
        self._drawn = time.monotonic()
        self._bars.update(self._tasks[what], completed=done)
