"""A figure measured in a process of its own, which may crash, hang, or lose its device: the others
are measured all the same.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import torch

from vsebench.bench.figures import FIGURES
from vsebench.bench.run import Row, failed, measured
from vsebench.bench.timing import one_thread

if TYPE_CHECKING:
    from vsebench.bench.figure import Figure, Size

LIMIT = 900.0
"""Seconds that a figure may take."""

_MARK = "vsebench figure: "


def measured_apart(figure: Figure, size: Size, device: torch.device, limit: float = LIMIT) -> Row:
    """As `measured`, in a new process."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, figure.name, size, device.type],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        return failed(figure, TimeoutError(f"it took longer than {limit:.0f} s"))
    except BaseException:
        _end(process)
        raise
    for line in reversed(printed.splitlines()):
        if line.startswith(_MARK):
            return Row(**json.loads(line.removeprefix(_MARK)))
    said = complaints.strip().splitlines()
    return failed(
        figure,
        RuntimeError(
            f"its process ended with code {process.returncode}"
            + (f", saying: {said[-1]}" if said else "")
        ),
    )


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a process with all that it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _main(name: str, size: Size, device: str) -> None:
    figure = next(each for each in FIGURES if each.name == name)
    with one_thread():
        row = measured(figure, size, torch.device(device))
    print(_MARK + json.dumps(row.as_dict()), flush=True)  # noqa: T201  # for the parent


if __name__ == "__main__":
    _main(*sys.argv[1:])  # type: ignore[arg-type]  # as `measured_apart` calls it
