"""How long a run's process is waited for, what it may say meanwhile, and where it hung.

A process is ended when it takes longer in all than its run may, when it gives no sign of progress
for too long, and when it does not end after it has said how its run did. Before that it is asked
where it is: the stacks of its threads go to the run's log, and the innermost frame that is neither
Python's nor a library's is named.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vsebench.plugin.jobs import Event, Limits

ASK = getattr(signal, "SIGUSR1", None)
"""Has a run's process write the stacks of its threads to its log; None where there is no such
signal.
"""

STARTING_SECONDS = 60.0
"""That a process has at least until its first event: it imports and loads."""

LINGER_SECONDS = 30.0
"""Between the end of a run and that of its process; threads that it started have as long."""

_NEEDS = {
    "phase": ("phase",),
    "computing": ("what", "done", "total"),
    "waiting": ("what",),
    "step": ("step", "steps"),
    "evaluated": ("step",),
    "finished": ("status",),
    "busy": ("reason",),
}
"""What events must have."""
_TEXTS = ("phase", "what", "status", "reason")
_NUMBERS = ("done", "total", "step", "steps", "epoch", "epochs", "loss", "rsum", "map")
_OURS = ("queued", "started", "lost", "skipped", "died", "damaged")
"""Events that are not a run's to send."""
PROGRESS = ("phase", "computing", "step", "evaluated")
"""Events that tell of progress."""
ENDS = ("finished", "busy")
"""Events that a run ends with."""
_OWN = Path(__file__).parents[1]
_INSTALLED = ("stdlib", "purelib", "platlib")
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)
_STACK = re.compile(r"^(?:Current thread|Thread) 0x[^\n]*\n((?:  [^\n]*\n?)*)", re.MULTILINE)


def parse_event(line: bytes) -> Event | None:
    """What a run's process said; None where that is no event, so that it was not the run who wrote
    it.
    """
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    kind = event.get("event")
    if not isinstance(kind, str) or kind in _OURS or not event.keys() >= set(_NEEDS.get(kind, ())):
        return None
    texts = all(isinstance(event[key], str) for key in _TEXTS if key in event)
    numbers = all(isinstance(event[key], int | float) for key in _NUMBERS if key in event)
    return event if texts and numbers else None


class Patience:
    """Waits for one process. Times are those of `time.monotonic`.

    Attributes:
        deadline: when there is nothing more to wait for.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._doing = "starting"
        self._last = time.monotonic()
        self._ends = self._last + _or_endless(limits.total)
        self._heard = self._ended = False

    @property
    def deadline(self) -> float:
        if self._ended:
            return self._last + LINGER_SECONDS
        stall = max(_or_endless(self._limits.stall), 0 if self._heard else STARTING_SECONDS)
        return min(self._ends, self._last + stall)

    def hear(self, event: Event) -> None:
        """Takes an event."""
        kind, self._heard = event["event"], True
        if kind in PROGRESS:
            self._last = time.monotonic()
            self._doing = str(event["phase"]) if kind == "phase" else self._doing
        if kind in ENDS:
            self._ended, self._last = True, time.monotonic()

    def extend(self, seconds: float) -> None:
        """Leaves it that much more time."""
        self._last += seconds
        self._ends += seconds

    def reason(self) -> str:
        """Why it is waited for no longer, in words."""
        if self._ended:
            return f"its process had not ended {LINGER_SECONDS:g} seconds after its run"
        if self._limits.total is not None and time.monotonic() >= self._ends:
            return f"it took longer than {_minutes(self._limits.total)}, which --run-timeout sets"
        assert self._limits.stall is not None
        return (
            f"it made no progress for {_minutes(self._limits.stall)}, which --stall-timeout sets, "
            f"in its phase '{self._doing}'"
        )


def whereabouts(log: str) -> str:
    """Where a process was, from the stacks at the end of its log, in words; empty where there are
    none.
    """
    stacks = _STACK.findall(log)
    if not stacks:
        return ""
    current = log.rfind("Current thread 0x")
    stack = _STACK.match(log, current)[1] if current >= 0 else stacks[-1]  # type: ignore[index]
    frames = _FRAME.findall(stack)
    if not frames:
        return ""
    path, line, name = next((frame for frame in frames if _is_plugins(frame[0])), frames[0])
    return f"it was in '{name}' ({path}, line {line})"


def _is_plugins(path: str) -> bool:
    """Whether code is neither ours nor Python's nor a library's."""
    known: list[str | Path] = [sysconfig.get_path(name) for name in _INSTALLED]
    return not any(Path(path).is_relative_to(folder) for folder in [_OWN, *known])


def _or_endless(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"
