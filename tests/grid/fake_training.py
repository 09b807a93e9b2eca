"""Stands in for training in the processes that the tests start: a run does what the parameter `do`
of its loss says.

The folder of this file's copy is put on the search path as `sitecustomize`, which Python imports at
start-up.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

DEADLINE = 30.0


def train(
    spec: RunSpec,
    directory: RunDirectory,
    report: Callable[[dict[str, object]], None],
    observers: object,
) -> RunRecord:
    from vsebench.results.record import RunRecord

    report({"event": "phase", "phase": "training"})
    out = directory.path.parent
    with (out / "order.txt").open("a") as order:
        order.write(f"{spec.loss.name} {spec.seed}\n")
    deeds.get(str(spec.loss.params.get("do")), lambda *_: None)(spec, out)
    record = RunRecord(run_id=spec.run_id, status="done", spec=spec, test={"rsum": 1.0})
    directory.write_record(record)
    return record


def fail(spec: RunSpec, out: Path) -> None:
    raise RuntimeError("boom")


def die(spec: RunSpec, out: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(spec: RunSpec, out: Path) -> None:
    os._exit(7)


def chatter(spec: RunSpec, out: Path) -> None:
    print("said on standard output", flush=True)
    print("said on standard error", file=sys.stderr)


def meet(spec: RunSpec, out: Path) -> None:
    """Says which device it was given, and ends only when another run does the same at the same
    time.
    """
    (out / f"here-{spec.seed}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    wait_until(lambda: len(list(out.glob("here-*"))) > 1)


def alone(spec: RunSpec, out: Path) -> None:
    """Fails when another run does the same at the same time."""
    (out / "occupied").touch(exist_ok=False)
    time.sleep(0.05)
    (out / "occupied").unlink()


def hold(spec: RunSpec, out: Path) -> None:
    """Goes on when the file `go` exists."""
    (out / f"holding-{os.getpid()}").touch()
    wait_until((out / "go").exists)


def tell(spec: RunSpec, out: Path) -> None:
    (out / "environment.json").write_text(json.dumps(dict(os.environ)))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("nothing happened for half a minute")
        time.sleep(0.01)


deeds = {
    "fail": fail,
    "die": die,
    "leave": leave,
    "chatter": chatter,
    "meet": meet,
    "alone": alone,
    "hold": hold,
    "tell": tell,
}

if __name__ == "sitecustomize":
    module = types.ModuleType("vsebench.retrieval.training.train")
    module.train = train  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
