"""What commands cost on a packed folder of many runs: `python -m benchmarks.scale [RUNS]`."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from benchmarks.scale.folder import packed_folder

COMMANDS = ("report", "leaderboard", "runs")


def measure(command: str, folder: Path) -> tuple[float, float]:
    """CPU seconds of a command, imports included, and its peak in MB."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vsebench", command, str(folder)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"'vsebench {command}' ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def run(runs: int) -> None:
    with TemporaryDirectory() as place:
        # In a process of its own: a peak counts what the process that starts a command has held
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            folder = apart.submit(packed_folder, runs, Path(place)).result()
        rows = [(command, *measure(command, folder)) for command in COMMANDS]
    print(tabulate(rows, (f"{runs:,} runs", "CPU s", "peak MB"), floatfmt=".1f"))


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
