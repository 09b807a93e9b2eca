"""The ranks of a run as its own process has them, which is the rank that leads: the processes of
the others are started here, watched, and ended with the run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import torch

from vsebench.plugin import SpecError, VsebenchError
from vsebench.retrieval.parallel.world import ALONE, LOST, RankLostError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.parallel.world import World


STARTING_SECONDS = 300.0
"""For ranks to load libraries, side by side on a busy machine."""

GRACE_SECONDS = 20.0
"""For collective operations to notice a lost rank, and for a rank to end with the run."""

NOTICE_SECONDS = 60.0
"""For the rank that leads to notice that another is lost: on CUDA it may wait inside NCCL."""

_STUCK = 1

READY = b"ready\n"


class Follower:
    """The process of one of the other ranks.

    Args:
        rank: rank of the process.
        size: number of ranks.
        port: port of the store that they find each other through.
        spec: the run as JSON.
        directory: its directory.
    """

    def __init__(self, rank: int, size: int, port: int, spec: str, directory: Path) -> None:
        self.rank, self.size = rank, size
        self.ready = threading.Event()
        self.ended = threading.Event()
        self._said = b""
        arguments = map(str, (directory, rank, size, port))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vsebench.retrieval.training.rank", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: `reason` says how
            self._process.stdin.write(spec.encode() + b"\n")
            self._process.stdin.flush()
        threading.Thread(target=self._follow, name=f"rank {rank}", daemon=True).start()

    @property
    def reason(self) -> str:
        """Why it ended before the run did; empty where it has not, or ended well."""
        if not self.ended.is_set():
            return ""
        code = self._process.wait()
        if code == 0:
            return ""
        name = f"rank {self.rank} of {self.size}"
        if code < 0:
            hint = ", which the system does when memory runs out" * (code == -signal.SIGKILL)
            return f"{name} was ended by {signal.Signals(-code).name}{hint}"
        with suppress(ValueError):
            return f"{name} failed: {json.loads(self._said)}"
        return f"{name} ended with code {code}: see the run's log"

    def close(self, grace: float) -> None:
        """Ends it, after `grace` seconds by force."""
        if not self.ended.wait(grace):
            self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                if line == READY:
                    self.ready.set()
                else:
                    self._said = line
        self._process.wait()
        self.ended.set()
        self.ready.set()


class Followers:
    """All other ranks of a run.

    Args:
        size: number of ranks.
        port: see `Follower`.
        spec: the run as JSON.
        directory: its directory.
    """

    def __init__(self, size: int, port: int, spec: str, directory: Path) -> None:
        self._ranks = [Follower(rank, size, port, spec, directory) for rank in range(1, size)]

    def wait(self) -> None:
        """Waits until each is about to join the group.

        Raises:
            RankLostError: one has ended, or takes too long.
        """
        ends = time.monotonic() + STARTING_SECONDS
        for rank in self._ranks:
            rank.ready.wait(max(0.0, ends - time.monotonic()))
        if reason := self.reason():
            raise RankLostError(reason)
        if not all(rank.ready.is_set() for rank in self._ranks):
            raise RankLostError(f"the ranks of the run are not there after {STARTING_SECONDS:g} s")

    def reason(self, within: float = 0.0) -> str:
        """Why one of them ended; empty if none has after `within` seconds."""
        ends = time.monotonic() + within
        while True:
            reasons = [reason for rank in self._ranks if (reason := rank.reason)]
            # The first to end may have taken others with it, which say only that one is lost
            told = [reason for reason in reasons if LOST not in reason] or reasons
            if told or time.monotonic() >= ends:
                return told[0] if told else ""
            time.sleep(0.05)

    def close(self, grace: float = 0.0) -> None:
        """Ends them, after `grace` seconds by force."""
        for rank in self._ranks:
            rank.close(grace)


@contextmanager
def leading(spec: RunSpec, directory: Path) -> Iterator[World]:
    """The ranks of a run, started and ended with the context; on one device, this process alone.

    Raises:
        SpecError: the process sees fewer devices than the run needs.
        VsebenchError: one of the other ranks failed or was ended; the message says which and how.
    """
    size = spec.protocol.devices
    if size == 1:
        yield ALONE
        return
    # Libraries that runs on one device do without
    from vsebench.retrieval.parallel.group import Group, host_store

    _check_devices(spec, size)
    store = host_store(size)
    followers = Followers(size, store.port, spec.model_dump_json(), directory)
    grace = 0.0
    over = threading.Event()
    threading.Thread(target=_end_if_stuck, args=(followers, over), daemon=True).start()
    try:
        followers.wait()
        group = Group(0, size, store, torch.device(spec.device))
        try:
            yield group
            grace = GRACE_SECONDS
        finally:
            over.set()
            # NCCL would wait for what a lost rank no longer sends
            if grace or spec.device == "cpu":
                group.close()
    except RankLostError as lost:
        # What the others say of themselves says more than that they do not answer
        raise VsebenchError(followers.reason(within=GRACE_SECONDS) or str(lost)) from None
    finally:
        over.set()
        followers.close(grace)


def _check_devices(spec: RunSpec, size: int) -> None:
    if spec.device != "cuda":
        return
    if (seen := torch.cuda.device_count()) < size:
        raise SpecError(
            f"devices={size} needs {size} CUDA devices, and the run's process sees {seen}: its "
            "executor must give it as many as its job's resources say"
        )
    torch.cuda.set_device(0)


def _end_if_stuck(followers: Followers, over: threading.Event) -> None:
    """Ends this process where a rank is lost and the collective operation that waits for it does
    not fail.
    """
    while not over.wait(1.0):
        if reason := followers.reason():
            if not over.wait(NOTICE_SECONDS):
                sys.stderr.write(f"vsebench: {reason}\n")
                sys.stderr.flush()
                os._exit(_STUCK)
            return
