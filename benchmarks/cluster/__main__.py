"""`python -m benchmarks.cluster`: what a grid on many machines costs a slow shared folder."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.cluster.outcome import Setting
from benchmarks.cluster.report import grids, start_ups
from benchmarks.cluster.simulation import simulate, start_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.cluster.outcome import Outcome

_MEMORY = Path("/dev/shm")  # the folder of shared memory, where there is one
FOUND = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    runs: Annotated[int, typer.Option(min=1)] = Setting.runs,
    machines: Annotated[int, typer.Option(min=1)] = Setting.nodes,
    workers: Annotated[int, typer.Option(min=1, help="of each machine")] = Setting.workers,
    minutes: Annotated[float, typer.Option(help="of computation of a run, on average")] = 10,
    latency: Annotated[float, typer.Option(help="ms of a metadata operation")] = 30,
    lost: Annotated[float, typer.Option(help="per cent of the machines lost in an hour")] = 1,
    grain: Annotated[float, typer.Option(help="s of which the order is not told")] = 0.5,
    seed: Annotated[int, typer.Option(help="which machines are lost when")] = 0,
) -> None:
    """Simulates a grid on many machines, both ways, and the start of one more command. The exit
    code is 1 where a run was lost or done twice.
    """
    setting = Setting(
        runs=runs,
        nodes=machines,
        workers=workers,
        seconds=60 * minutes,
        latency=latency / 1000,
        lost_an_hour=lost / 100,
        seed=seed,
        grain=grain,
    )
    made = [_in_a_folder(simulate, replace(setting, commands=each)) for each in (True, False)]
    print(grids(made), end="\n\n")
    alone = replace(setting, nodes=1, lost_an_hour=0.0)
    print(
        start_ups(
            [_in_a_folder(start_up, replace(alone, done=done)) for done in (0, runs // 2, runs)]
        )
    )
    if any(each.unfinished or each.doubled for each in made):
        raise typer.Exit(FOUND)


def _in_a_folder(function: Callable[[Setting, Path], Outcome], setting: Setting) -> Outcome:
    place = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="vsebench-cluster-", dir=place) as folder:
        return function(setting, Path(folder) / "runs")


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):  # one thread runs at a time: on one core it changes faster
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    app(prog_name="python -m benchmarks.cluster")
