"""The grid, and the command that makes it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.soak.processes import executes, resident_mb
from vsebench.grid.suite_fields import parse_seeds
from vsebench.plugin.specs import split_list
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.results.reader import RunReader

SETTINGS = {
    "epochs": "6",
    "warmup_epochs": "1",
    "embed_dim": "32",
    "word_dim": "32",
    "batch_size": "64",
}
DATASET = "scenes:images=100"
FLAT_MB = 16.0
"""What a command's memory may grow by while it executes runs, from its third finished one on."""
_SETTLED_RUNS = 3


@dataclass(frozen=True)
class Grid:
    """A grid of tiny runs.

    Attributes:
        pooling: specs, separated by commas.
        loss: specs likewise.
        seeds: a list or a range.
        workers: runs at a time.
    """

    pooling: str = "mean,max,kmax:k=5,maxavg,gpo"
    loss: str = "triplet,infonce,selhn,aoq"
    seeds: str = "0-4"
    workers: int = 2

    @property
    def size(self) -> int:
        """Runs, where the grid has the first rounds that its losses need."""
        seeds = len(parse_seeds(self.seeds))
        return len(split_list(self.pooling)) * len(split_list(self.loss)) * seeds

    def options(self, out: Path, stall: float) -> list[str]:
        """What follows `vsebench run`.

        Args:
            out: receives the runs.
            stall: minutes without progress after which a run is ended.
        """
        return [
            *("--dataset", DATASET, "--pooling", self.pooling, "--loss", self.loss),
            *("--seeds", self.seeds, "--workers", str(self.workers), "--device", "cpu"),
            *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")),
            *("--stall-timeout", f"{stall:g}", "--out", str(out)),
        ]


@dataclass
class Driver:
    """A `vsebench run` that was started.

    Attributes:
        process: its process.
        said: what it has said, a file.
        out: the folder that it works in.
        done_before: runs that were done when it began.
        resident: its memory in MiB by the number of runs that were done then, from the third on
            that ended while it worked, and while it executed runs: behind them it imports what
            makes a table.
    """

    process: subprocess.Popen[bytes]
    said: Path
    out: Path
    done_before: int
    resident: dict[int, float] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        grid: Grid,
        out: Path,
        said: Path,
        environment: Mapping[str, str],
        *,
        stall: float,
    ) -> Driver:
        """Starts the command; see `Grid.options`."""
        with said.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "vsebench", "run", *grid.options(out, stall)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **environment},
                process_group=0,
            )
        return cls(process, said, out, done_in(out))

    def look(self) -> None:
        """Notes its memory."""
        done, memory = done_in(self.out), resident_mb(self.process.pid)
        if done >= self.done_before + _SETTLED_RUNS and memory and executes(self.process.pid):
            self.resident[done] = memory

    @property
    def growth_mb(self) -> float | None:
        """By how much its memory has grown since its third run; None where nothing is known."""
        found = list(self.resident.values())
        return max(found) - found[0] if len(found) > 1 else None

    def wait(self, seconds: float) -> int:
        """Waits for its end; its exit code.

        Raises:
            TimeoutError: it does not end.
        """
        end = time.monotonic() + seconds
        while (code := self.process.poll()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"'vsebench run' has not ended in {seconds:g} seconds")
            self.look()
            time.sleep(0.25)
        return code

    def text(self) -> str:
        """What it has said."""
        return self.said.read_text(encoding="utf-8", errors="replace")


def done_in(out: Path) -> int:
    """Runs of a folder that are marked as done."""
    return sum(1 for _ in out.glob("*/done"))


def runs_in(out: Path) -> dict[str, RunReader]:
    """Runs of a folder by the names of their directories."""
    return {run.path.name: run for run in Store(out).runs()}
