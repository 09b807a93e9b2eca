"""Stands in for training in the processes that the tests start: a run does what the parameter `do`
of its loss says. Nothing is loaded before runs are forked.

The folder of this file's copy is put on the search path as `sitecustomize`, which Python imports at
start-up.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

DEADLINE = 30.0
reports: list[Callable[[dict[str, object]], None]] = []


def train(
    spec: RunSpec,
    directory: RunDirectory,
    report: Callable[[dict[str, object]], None],
    observers: object,
) -> RunRecord:
    from vsebench.results.record import RunRecord

    report({"event": "phase", "phase": "training"})
    reports.append(report)
    out = directory.path.parent
    with (out / "order.txt").open("a") as order:
        order.write(f"{spec.loss.name} {spec.seed}\n")
    deeds.get(str(spec.loss.params.get("do")), lambda *_: None)(spec, out)
    record = RunRecord(run_id=spec.run_id, status="done", spec=spec, test={"rsum": 1.0})
    directory.write_record(record)
    return record


def load(asked: Callable[[], bool]) -> None:
    """Stands in for what is loaded before runs are forked; the environment says what goes wrong."""
    trouble = os.environ.get("LOADING", "")
    if trouble == "prints":
        print("said while loading", file=sys.stderr)
    if trouble == "starts a thread":
        threading.Thread(target=time.sleep, args=(DEADLINE,), daemon=True).start()
    if trouble == "fails":
        raise ImportError("a library is broken")


def fail(spec: RunSpec, out: Path) -> None:
    raise RuntimeError("boom")


def die(spec: RunSpec, out: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(spec: RunSpec, out: Path) -> None:
    os._exit(7)


def chatter(spec: RunSpec, out: Path) -> None:
    print("said on standard output", flush=True)
    print("said on standard error", file=sys.stderr)


def untidy(spec: RunSpec, out: Path) -> None:
    """Leaves to the end of the process what an interpreter does then."""
    print("printed without a line end", end="")
    atexit.register((out / "at-exit").touch)
    threading.Timer(0.1, (out / "by-a-thread").touch).start()
    globals()["left open"] = file = (out / "left-open").open("w")
    file.write("written")


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


def loop(spec: RunSpec, out: Path) -> None:
    """Never ends."""
    (out / f"pid-{os.getpid()}").touch()
    while True:
        pass


def stop(spec: RunSpec, out: Path) -> None:
    """Is stopped, as by a terminal."""
    (out / f"pid-{os.getpid()}").touch()
    os.kill(os.getpid(), signal.SIGSTOP)


def go_on(spec: RunSpec, out: Path) -> None:
    """Never ends, and says again and again how far it is."""
    while True:
        _say({"event": "step", "step": 1, "steps": 2})
        time.sleep(0.1)


def slowly(spec: RunSpec, out: Path) -> None:
    """Takes longer in all than between two signs of progress."""
    for step in range(12):
        _say({"event": "step", "step": step, "steps": 12})
        time.sleep(0.6)


def steadily(spec: RunSpec, out: Path) -> None:
    """As `slowly`, and says it as a run does."""
    (out / f"pid-{os.getpid()}").touch()
    for step in range(12):
        reports[-1]({"event": "step", "step": step, "steps": 12})
        time.sleep(0.6)


def hang_once(spec: RunSpec, out: Path) -> None:
    """Hangs until the file `woken` exists, the first time; ends when the file `go` exists, after
    that.
    """
    first = not any(out.glob("pid-*"))
    (out / f"pid-{os.getpid()}").touch()
    while not (out / ("woken" if first else "go")).exists():
        time.sleep(0.05)


def talk(spec: RunSpec, out: Path) -> None:
    """Says more than a pipe holds."""
    for step in range(5000):
        reports[-1]({"event": "step", "step": step, "steps": 5000})


def garble(spec: RunSpec, out: Path) -> None:
    """Writes what the file `garbage` holds where only events belong."""
    os.write(_events(), (out / "garbage").read_bytes() + b"\n")
    time.sleep(DEADLINE)


def thread(spec: RunSpec, out: Path) -> None:
    """Leaves a thread that does not end with its process."""
    (out / f"left-{os.getpid()}").touch()
    threading.Thread(target=time.sleep, args=(10 * DEADLINE,), daemon=False).start()


def child(spec: RunSpec, out: Path) -> None:
    """Leaves a process, which holds open what it has inherited."""
    pid = os.fork()
    if pid == 0:
        time.sleep(10 * DEADLINE)
        os._exit(0)
    (out / f"left-{pid}").touch()


def vanish(spec: RunSpec, out: Path) -> None:
    """Removes its own folder."""
    shutil.rmtree(next(out.glob(f"*-{spec.run_id[:10]}")))


def checkpoints(spec: RunSpec, out: Path) -> None:
    """Never ends, and writes a checkpoint whenever the file `checkpoint` exists."""
    (out / f"pid-{os.getpid()}").touch()
    folder, asked = next(out.glob(f"*-{spec.run_id[:10]}")), out / "checkpoint"
    (folder / "checkpoint.pt").touch()
    while True:
        if asked.exists():
            (folder / "new").touch()
            (folder / "new").rename(folder / "checkpoint.pt")
            asked.unlink()
        time.sleep(0.01)


def disown(spec: RunSpec, out: Path) -> None:
    """Removes the proof that it is its run's process."""
    for lease in next(out.glob(f"*-{spec.run_id[:10]}")).glob("lease-*"):
        lease.unlink()


def outrun(spec: RunSpec, out: Path) -> None:
    """Dies when another process has made its run, as it may where this one was stopped."""
    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord

    disown(spec, out)
    RunDirectory(next(out.glob(f"*-{spec.run_id[:10]}"))).write_record(
        RunRecord(run_id=spec.run_id, status="done", spec=spec, test={"rsum": 2.0})
    )
    die(spec, out)


def _events() -> int:
    """The pipe that only the run itself should know: the last one that is open."""
    pipes = [
        int(link.name)
        for link in Path("/proc/self/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("pipe:") and int(link.name) > 2
    ]
    return max(pipes)


def _say(event: dict[str, object]) -> None:
    os.write(_events(), json.dumps(event).encode() + b"\n")


def stuck(spec: RunSpec, out: Path) -> None:
    """Computes without letting another thread of Python run."""
    (out / f"pid-{os.getpid()}").touch()
    (out / f"stuck-{os.getpid()}").touch()
    re.match(r"(a+)+$", "a" * 64 + "b")


def parent(spec: RunSpec, out: Path) -> None:
    """Tells which process it is a child of."""
    (out / f"parent-{spec.seed}").write_text(str(os.getppid()))


def state(spec: RunSpec, out: Path) -> None:
    """Tells what of its process a run could have found changed, and then changes it."""
    descriptors, own = Path("/proc/self/fd"), next(out.glob(f"*-{spec.run_id[:10]}"))
    found = {
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "arguments": sys.argv,
        "search path": sys.path,
        "standard streams": [stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "open": sorted(
            str(link.readlink()).partition(":")[0].replace(str(own), "")
            for link in descriptors.iterdir()
            if link.is_symlink()
        ),
        "group leader": os.getpgrp() == os.getpid(),
        "signals": {str(number): str(signal.getsignal(number)) for number in signal.Signals},
        "blocked signals": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "threads": [thread.name.partition(" ")[0] for thread in threading.enumerate()],
        "hash of a word": hash("word"),
        "filters": [str(entry) for entry in warnings.filters],
        "collecting": gc.isenabled(),
        "recursion": sys.getrecursionlimit(),
        "stain": hasattr(json, "stain"),
    }
    (out / f"state-{spec.seed}.json").write_text(json.dumps(found))
    (out / f"random-{spec.seed}").write_text(str(random.random()))
    os.environ["STAIN"] = "1"
    os.chdir("/")
    sys.path.append("/stain")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    warnings.simplefilter("error")
    gc.disable()
    sys.setrecursionlimit(5000)
    random.seed(0)
    json.stain = True  # type: ignore[attr-defined]
    os.open("/dev/null", os.O_RDONLY)


def wait_until(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened for {seconds:g} seconds")
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
    "untidy": untidy,
    "parent": parent,
    "state": state,
    "stuck": stuck,
    "loop": loop,
    "stop": stop,
    "on and on": go_on,
    "slowly": slowly,
    "steadily": steadily,
    "hang once": hang_once,
    "talk": talk,
    "garble": garble,
    "thread": thread,
    "child": child,
    "vanish": vanish,
    "disown": disown,
    "outrun": outrun,
    "checkpoints": checkpoints,
}

if __name__ == "sitecustomize":
    if "HANG_ON" in os.environ:
        __import__(os.environ["HANG_ON"])
    if "EXPIRY" in os.environ:
        from vsebench.results.folder import lease

        lease.HEARTBEAT_SECONDS = 0.1
        lease.EXPIRY_SECONDS = lease.LOCAL_EXPIRY_SECONDS = float(os.environ["EXPIRY"])
    module = types.ModuleType("vsebench.retrieval.training.train")
    module.train = train  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    preload = types.ModuleType("vsebench.grid.preload")
    preload.load = load  # type: ignore[attr-defined]
    preload.reseed = lambda: None  # type: ignore[attr-defined]
    sys.modules[preload.__name__] = preload
