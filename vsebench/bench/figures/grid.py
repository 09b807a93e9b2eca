"""A grid of tiny runs: what it costs beside the training that it holds, which is the floor, and
beside one command for each run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.suites import own_cache, suites
from vsebench.grid.execute import execute
from vsebench.grid.plan import plan
from vsebench.grid.run import run_suite
from vsebench.results.store import Store

if TYPE_CHECKING:
    from vsebench.bench.figure import Setting

_CHANGES = {"embed_dim": 16, "word_dim": 8, "epochs": 1, "warmup_epochs": 0}


def work(setting: Setting) -> Work:
    """24 runs of two steps at full size: four poolings, two losses, three seeds."""
    poolings, losses, seeds = setting.pick(
        tiny=("mean", "triplet", "0"),
        quick=("gpo,mean", "triplet", "0"),
        full=("gpo,maxavg,mean,kmax", "triplet,infonce", "0-2"),
    )
    values: dict[str, Any] = {"dataset": "scenes:images=60", "set": _CHANGES}
    new = suites(setting, pooling=poolings, loss=losses, seeds=seeds, **values)
    with own_cache(setting.folder):
        count = len(plan(new()).runs)

    def grid() -> None:
        with own_cache(setting.folder):
            _whole(run_suite(new()).failed)

    def training() -> None:
        with own_cache(setting.folder):
            suite = new()
            store = Store(Path(suite.out))
            store.prepare()
            for run in plan(suite).runs:
                record = execute(run.model_dump_json(), store.directory_for(run).path)
                _whole(() if record.status == "done" else (run.run_id,))

    def commands() -> None:
        # One of the runs stands for all of them
        arguments = [
            "--dataset=scenes:images=60",
            "--pooling=mean",
            "--loss=triplet",
            f"--out={new().out}",
            f"--device={setting.device.type}",
            "--workers=1",
            "--quiet",
            *(f"--set={key}={value}" for key, value in _CHANGES.items()),
        ]
        with own_cache(setting.folder):
            subprocess.run(
                [sys.executable, "-P", "-m", "vsebench", "run", *arguments],
                check=True,
                capture_output=True,
                text=True,
            )

    return Work(
        ours=grid,
        reference=commands,
        floor=training,
        amount=count,
        unit="runs",
        reference_share=1 / count,
        most=1,
        processes=True,
    )


def _whole(failed: tuple[str, ...]) -> None:
    if failed:
        raise RuntimeError(f"{len(failed)} runs failed, such as {failed[0]}")


FIGURES = (
    Figure(
        "grid/tiny runs",
        work,
        reference="a command for each run",
        floor="training and evaluation alone",
    ),
)
