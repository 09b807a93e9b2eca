"""The process of one run: `python -m vsebench.grid.worker RUN_DIR [SECONDS]`, with the run spec as
the first line of standard input. The seconds are those that it may make no progress.

It writes events on standard output, one JSON object a line:

    {"event": "phase", "phase": "loading" | "mining" | "training" | "test"}
    {"event": "computing", "what": "text features of train", "done": 640, "total": 30000}
    {"event": "waiting", "what": "text features of train"}      another run computes them
    {"event": "step", "step": 12, "steps": 468, "epoch": 0.1, "epochs": 4, "loss": 31.2}
    {"event": "evaluated", "step": 117, "rsum": 210.5}
    {"event": "finished", "status": "done", "result": "RSUM 369.5"}     or "failed", "blocked"
    {"event": "busy", "reason": "…"}          another process works on it: try again later

What the run prints goes to standard error instead. Standard input stays open for as long as the
parent lives: its end ends this process, so that nothing continues after the parent was killed.
Where native code lets nothing else run, the kernel ends a new process (on Linux), and the process
that it was forked from a forked one.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import io
import json
import os
import select
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from vsebench.grid.execute import attempt
from vsebench.grid.patience import ASK, ENDS
from vsebench.results.folder.process import die_with_parent

_ORPHANED = 1


def main() -> None:
    """Runs the spec on standard input in the directory that the command line names."""
    if ASK is not None:
        faulthandler.register(ASK, file=sys.stderr.fileno())
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report(event: dict[str, object]) -> None:
        # a command that is stopped reads nothing, and its runs go on without it
        if event["event"] in ENDS or _has_room(events.fileno()):
            events.write(json.dumps(event) + "\n")

    spec = _first_line(sys.stdin.fileno())
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    directory, *stall = sys.argv[1:]
    attempt(spec, Path(directory), report, float(stall[0]) if stall else None)
    _leave()


def _has_room(pipe: int) -> bool:
    """Whether an event can be written to a pipe at once."""
    if not hasattr(select, "poll"):
        return True
    waiting = select.poll()
    waiting.register(pipe, select.POLLOUT)
    return bool(waiting.poll(0))


def _first_line(descriptor: int) -> str:
    """Reads up to the first line end without a buffer, which at exit would be locked by the thread
    that waits for the parent.
    """
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(descriptor, 65_536)
        if not chunk:
            os._exit(_ORPHANED)
        line += chunk
    return line.decode()


def _end_with_parent(descriptor: int) -> None:
    while os.read(descriptor, 65_536):
        pass
    os._exit(_ORPHANED)


def _leave() -> NoReturn:
    """Ends the process as the interpreter would, but for taking itself apart: with torch in it,
    that takes as long as a tiny run.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for item in (sys.stdout, sys.stderr, *gc.get_objects()):
        # not isinstance, which asks the object itself: some of torch's then warn
        if issubclass(type(item), io.TextIOWrapper | io.BufferedWriter) and not item.closed:
            with suppress(OSError, ValueError):  # nobody is left to hear of it
                item.flush()
    os._exit(0)


if __name__ == "__main__":
    die_with_parent()  # a forked one outlives the process that it was forked from
    main()
