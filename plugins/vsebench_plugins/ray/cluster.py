"""The cluster: joining it, and what its nodes have."""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vsebench.plugin import SpecError, VsebenchError
from vsebench_plugins.ray.node import Sight, look

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LOOKING_SECONDS = 120.0
"""For a node to start a process and import vsebench."""

_log = logging.getLogger("vsebench")


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Joins a cluster for the length of the context, unless this process has joined one.

    Args:
        address: address of its head; empty for what RAY_ADDRESS names or runs on this machine,
            else a cluster of this machine alone, which ends with the context.

    Raises:
        SpecError: the address is of a Ray client.
        VsebenchError: no cluster that fits answers there.
    """
    if address.startswith("ray://"):
        raise SpecError(
            f"--address {address}: runs need a driver on a node of the cluster: give HOST:PORT of "
            "its head, which 'ray start' prints, usually with port 6379"
        )
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(
            address=address or None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=None if address else False,
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = " ".join(str(error).split())
        raise VsebenchError(
            f"no Ray cluster can be joined at {address or 'this machine'}: {reason}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def sights(folder: Path) -> list[Sight]:
    """What the nodes have; one that is lost meanwhile has nothing.

    Args:
        folder: the folder of runs.

    Raises:
        VsebenchError: vsebench is not installed on a node, or another release of it.
    """
    token = folder / f".ray-{secrets.token_hex(8)}"
    token.touch()
    task = ray.remote(num_cpus=0, max_retries=0)(look)
    try:
        looks = [
            task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(token)
            for node in ray.nodes()
            if node["Alive"]
        ]
        found = [sight for sight in map(_seen, looks) if sight is not None]
    finally:
        token.unlink()
    ours = version("vsebench")
    for sight in found:
        if sight.release != ours:
            raise VsebenchError(
                f"node {sight.host} has vsebench {sight.release} and this command {ours}: install "
                "the same release on all nodes"
            )
    return found


def _seen(look: ray.ObjectRef[Sight]) -> Sight | None:
    try:
        sight: Sight = ray.get(look, timeout=_LOOKING_SECONDS)
    except RayTaskError as error:
        raise VsebenchError(
            f"a node of the Ray cluster cannot execute runs ({last_line(error)}): install vsebench "
            "on all nodes"
        ) from error
    except RayError:
        return None
    return sight


def warn_if_too_small(needs: Mapping[str, float]) -> None:
    """Says so where no node has what a run needs; one may come."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= most for name, most in needs.items()) for node in nodes):
        wanted = " and ".join(f"{most:g} {name}" for name, most in needs.items() if most)
        _log.warning("no node of the Ray cluster has %s: runs wait until one has", wanted)


def last_line(error: BaseException) -> str:
    """The last line of an error, which of a remote one names its cause."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
