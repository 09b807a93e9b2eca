"""The ranks of a run as its own process has them, which is the rank that leads."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from vsebench.plugin import SpecError, VsebenchError
from vsebench.retrieval.parallel.world import ALONE, RankLostError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.parallel.followers import Followers
    from vsebench.retrieval.parallel.world import World

NOTICE_SECONDS = 60.0
"""For the rank that leads to notice that another is lost: on CUDA it may wait inside NCCL."""

_STUCK = 1


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
    from vsebench.retrieval.parallel.followers import GRACE_SECONDS, Followers
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
