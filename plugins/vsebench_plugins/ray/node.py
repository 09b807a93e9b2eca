"""The work of a node: executing a run and reporting its progress. Imports no Ray."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from queue import Empty, SimpleQueue
from socket import gethostname
from typing import TYPE_CHECKING

from vsebench.plugin import Files, Job, Message, Parcel, spawn, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENDS = ("finished", "busy")


@dataclass(frozen=True)
class Heard:
    """An event of the run."""

    message: Message


@dataclass(frozen=True)
class Brought:
    """Files that the run wrote."""

    files: Files


@dataclass(frozen=True)
class Ended:
    """The end of its process, the last item."""

    reason: str


Item = Heard | Brought | Ended


@dataclass(frozen=True)
class NodeInfo:
    """A node of the cluster.

    Attributes:
        host: its name.
        release: the release of vsebench that is installed on it.
        folder: whether it sees the folder of runs.
    """

    host: str
    release: str
    folder: bool


def node_info(token: Path) -> NodeInfo:
    """This node.

    Args:
        token: a file that was just created in the folder of runs.
    """
    return NodeInfo(gethostname(), version("vsebench"), token.exists())


def run(work: Job | Parcel, every: float) -> Iterator[Item]:
    """Executes a run on this node.

    Args:
        work: the run, or all that it needs where this node does not see its folder.
        every: seconds between two transfers of its files.

    Yields:
        Its events, and its files if this node does not see its folder; at last its end.
    """
    if isinstance(work, Parcel):
        yield from _elsewhere(work, every)
    elif work.directory.parent.is_dir():
        yield from _here(work)
    else:
        yield Ended(
            f"node {gethostname()} does not see {work.directory.parent}: choose an --out that all "
            "nodes share, or --executor ray:files=driver"
        )


def _here(job: Job) -> Iterator[Heard | Ended]:
    return (item for item in _items(job, None) if item is not None)


def _elsewhere(parcel: Parcel, every: float) -> Iterator[Item]:
    """The items of a run in a temporary folder. Its end is reported after its last files: a node
    that is lost before has not finished it.
    """
    with unpacked(parcel) as there:
        end: Heard | None = None
        sent = time.monotonic()
        for item in _items(there.job, every):
            if isinstance(item, Ended):
                yield Brought(there.changed(ended=True))
                if end is not None:
                    yield end
                yield item
            elif isinstance(item, Heard) and item.message[1]["event"] in _ENDS:
                end = item
            else:
                if item is not None:
                    yield item
                if time.monotonic() - sent >= every:
                    sent, files = time.monotonic(), there.changed()
                    if files:
                        yield Brought(files)


def _items(job: Job, every: float | None) -> Iterator[Heard | Ended | None]:
    """The events and the end of a run; None after every `every` seconds without an event."""
    inbox: SimpleQueue[Heard | Ended] = SimpleQueue()
    process = spawn(job, lambda message: inbox.put(Heard(message)))
    threading.Thread(target=lambda: inbox.put(Ended(process.wait())), daemon=True).start()
    item: Heard | Ended | None = None
    try:
        while not isinstance(item, Ended):
            try:
                item = inbox.get(timeout=every)
            except Empty:
                item = None
            yield item
    finally:
        process.stop()
