"""Whole runs: a grid of tiny ones, what it costs beside the training that it holds, which is the
floor, and beside one command for each; and one as published, on made-up data of the size of
Flickr30K: 25 epochs of 145,000 captions, with its evaluations.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import environment
from vsebench.grid.execute import execute
from vsebench.grid.plan import plan
from vsebench.grid.run import run_suite
from vsebench.grid.suite import Suite, make_suite
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from vsebench.bench.figure import Setting

_CHANGES = {"embed_dim": 16, "word_dim": 8, "epochs": 1, "warmup_epochs": 0}


def own_cache(folder: Path) -> AbstractContextManager[None]:
    """Keeps what runs cache in a folder, so that the user's cache stays as it is."""
    return environment("VSEBENCH_CACHE", str(folder / "cache"))


def suites(setting: Setting, **values: Any) -> Callable[[], Suite]:
    """A suite with a new output folder at every call; its data are generated now."""
    numbers = itertools.count()

    def new() -> Suite:
        out = str(setting.folder / f"runs{next(numbers)}")
        return make_suite(
            {"workers": 1, "device": setting.device.type, "out": out, **values}, "benchmark"
        )

    with own_cache(setting.folder):
        plan(new())
    return new


def tiny_runs(setting: Setting) -> Work:
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


def published_run(setting: Setting) -> Work:
    """The protocol of VSE-infinity for region features and a BiGRU."""
    images, dim, epochs = setting.pick(
        tiny=(60, 8, 1), quick=(1_000, 2048, 2), full=(29_000, 2048, 25)
    )
    changes = {"epochs": epochs}
    if setting.size == "tiny":
        changes |= {"embed_dim": 16, "word_dim": 8}
    new = suites(
        setting,
        dataset=f"scenes:images={images}:dim={dim}",
        pooling="gpo",
        loss="triplet",
        protocol="vse-infinity",
        set=changes,
    )

    def run() -> None:
        with own_cache(setting.folder):
            _whole(run_suite(new()).failed)

    return Work(ours=run, amount=epochs, unit="epochs", most=1, processes=True)


FIGURES = (
    Figure(
        "grid/tiny runs",
        tiny_runs,
        reference="a command for each run",
        floor="training and evaluation alone",
    ),
    Figure("protocol/vse-infinity", published_run, on_cpu=("tiny",)),
)
