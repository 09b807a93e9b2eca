"""The Ray cluster: joining it, and checking its nodes."""

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
from vsebench_plugins.ray.node import NodeInfo, node_info

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NODE_SECONDS = 120.0
"""Timeout for a node to start a process and import vsebench."""

_log = logging.getLogger("vsebench")


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Joins a cluster for the duration of the context, unless this process has joined one.

    Args:
        address: address of its head; empty for what RAY_ADDRESS names or runs on this machine,
            else a cluster of this machine alone, which ends with the context.

    Raises:
        SpecError: the address is that of a Ray client server.
        VsebenchError: no compatible cluster answers there.
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


def node_infos(folder: Path) -> list[NodeInfo]:
    """The nodes of the cluster; without those that are lost meanwhile.

    Args:
        folder: the folder of runs.

    Raises:
        VsebenchError: vsebench is not installed on a node, or another release of it.
    """
    token = folder / f".ray-{secrets.token_hex(8)}"
    token.touch()
    task = ray.remote(num_cpus=0, max_retries=0)(node_info)
    try:
        asked = [
            task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(token)
            for node in ray.nodes()
            if node["Alive"]
        ]
        found = [info for info in map(_answer, asked) if info is not None]
    finally:
        token.unlink()
    ours = version("vsebench")
    for info in found:
        if info.release != ours:
            raise VsebenchError(
                f"node {info.host} has vsebench {info.release} and this command {ours}: install "
                "the same release on all nodes"
            )
    return found


def _answer(asked: ray.ObjectRef[NodeInfo]) -> NodeInfo | None:
    try:
        info: NodeInfo = ray.get(asked, timeout=_NODE_SECONDS)
    except RayTaskError as error:
        raise VsebenchError(
            f"a node of the Ray cluster cannot execute runs ({last_line(error)}): install vsebench "
            "on all nodes"
        ) from error
    except RayError:
        return None
    return info


def warn_if_too_small(needs: Mapping[str, float]) -> None:
    """Warns if no node has the resources of a run; one may join later."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= most for name, most in needs.items()) for node in nodes):
        wanted = " and ".join(f"{most:g} {name}" for name, most in needs.items() if most)
        _log.warning("no node of the Ray cluster has %s: runs wait until one has", wanted)


def last_line(error: BaseException) -> str:
    """The last line of an error; for a remote error, its cause."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
