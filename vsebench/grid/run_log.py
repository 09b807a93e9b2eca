"""The log of a run: what it does and when, beside what its process prints."""

from __future__ import annotations

import os
import socket
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from vsebench.files import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.results.spec import AnySpec

_NUMBERS = {"loss": "loss {:.4g}", "rsum": "dev RSUM {:.1f}", "map": "dev MAP {:.4f}"}


class RunLog:
    """Adds lines to a run's log, each with its time in UTC."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, spec: AnySpec) -> None:
        """Says which run it is, and where it runs."""
        release = f"vsebench {version('vsebench')}"
        where = f"process {os.getpid()} on {socket.gethostname()}"
        self.write(f"{spec.label} ({spec.run_id}), {release}, {where}")

    def take(self, event: Mapping[str, Any]) -> None:
        """Notes an event; steps alone are not worth a line."""
        kind = event["event"]
        if kind == "phase":
            self.write(str(event["phase"]))
        elif kind == "waiting":
            self.write(f"waiting for {event['what']}, which another run computes")
        elif kind == "computing" and event["done"] == event["total"]:
            self.write(f"computed {event['what']}: {event['done']:,}")
        elif kind == "evaluated":
            figures = (form.format(event[key]) for key, form in _NUMBERS.items() if key in event)
            self.write(", ".join([f"step {event['step']} of {event.get('steps', '?')}", *figures]))

    def write(self, text: str) -> None:
        """Adds a line, or several.

        Raises:
            WriteError: the disk is full, or the file cannot be written.
        """
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if not self._path.parent.is_dir():  # which the run's lease will tell of
            return
        with guarded(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{now} {text}\n")
