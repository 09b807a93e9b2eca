"""Measures one figure after another, each in a process of its own where that may crash, hang or
lose its device; what a figure fails by is a line of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from vsebench.bench.figure import Setting, is_of
from vsebench.bench.figures import FIGURES
from vsebench.bench.timing import one_thread, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.bench.figure import Figure, Size

SECONDS: dict[Size, float] = {"tiny": 0.0, "quick": 0.4, "full": 2.0}
"""Spent on a figure's rounds, at least."""
LIMIT = 900.0
"""Seconds that a figure may take in a process of its own."""

_MARK = "vsebench figure: "


@dataclass(frozen=True)
class Row:
    """A line of the table; what is not known is None.

    Attributes:
        figure: its name.
        status: `done`, or `failed`.
        seconds: median of a call.
        ratio: how many times as long the plain version takes.
        share: the floor's share of our time.
        reference: what the plain version is.
        floor: what the floor is.
        reference_seconds: seconds of the plain version.
        floor_seconds: seconds of the floor.
        rounds: how often each was timed.
        per_second: `unit` per second.
        unit: unit of that rate.
        error: why it failed, in one line.
        trace: traceback of the failure.
    """

    figure: str
    status: Literal["done", "failed"]
    seconds: float | None = None
    ratio: float | None = None
    share: float | None = None
    reference: str = ""
    floor: str = ""
    reference_seconds: float | None = None
    floor_seconds: float | None = None
    rounds: int = 0
    per_second: float | None = None
    unit: str = ""
    error: str = ""
    trace: str = ""


def selected(
    figures: Sequence[Figure], size: Size, device: str, areas: Sequence[str] = ()
) -> list[Figure]:
    """The figures that are measured at a size on a device.

    Args:
        figures: figures to choose from.
        size: size of the work.
        device: `cpu` or `cuda`.
        areas: areas or names of figures; all when empty.
    """
    return [
        figure
        for figure in figures
        if size in (figure.on_cuda if device == "cuda" else figure.on_cpu)
        and is_of(figure.name, areas)
    ]


def measured_on(device: str, figure: Figure, size: Size) -> Row:
    """Measures a figure: here on the CPU, in a process of its own on CUDA."""
    where = torch.device(device)
    if device == "cuda":
        return measured_apart(figure, size, where)
    with one_thread():
        return measured(figure, size, where)


def measured(figure: Figure, size: Size, device: torch.device) -> Row:
    """Measures a figure; nothing that goes wrong leaves it as an exception, except an interrupt."""
    folder = Path(tempfile.mkdtemp(prefix="vsebench-bench-"))
    try:
        work = figure.make(Setting(device, size, folder))
        if work.agree is not None:
            work.agree()
        timing = timed(work, device, SECONDS[size])
    except Exception as error:  # the next figure must be measured whatever this one does
        return failed(figure, error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return Row(
        figure=figure.name,
        status="done",
        seconds=timing.ours,
        ratio=timing.ratio,
        share=timing.share,
        reference=figure.reference,
        floor=figure.floor,
        reference_seconds=timing.reference,
        floor_seconds=timing.floor,
        rounds=timing.rounds,
        per_second=work.amount / timing.ours if work.amount and timing.ours else None,
        unit=work.unit,
    )


def failed(figure: Figure, error: BaseException) -> Row:
    """The line of a figure that could not be measured."""
    first = " ".join(str(error).split())
    return Row(
        figure=figure.name,
        status="failed",
        reference=figure.reference,
        floor=figure.floor,
        error=f"{type(error).__name__}: {first}"[:500],
        trace="".join(traceback.format_exception(error))[-4000:],
    )


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
    print(_MARK + json.dumps(asdict(row)), flush=True)  # noqa: T201  # for the parent


if __name__ == "__main__":
    _main(*sys.argv[1:])  # type: ignore[arg-type]  # as `measured_apart` calls it
