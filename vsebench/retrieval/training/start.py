"""What a run is started with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin.registry import Registry
    from vsebench.results.folder.store import RunDirectory
    from vsebench.results.observers import Observers
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.parallel.world import World


def unheard(event: dict[str, object]) -> None:
    """Takes progress that nobody watches."""


@dataclass(frozen=True)
class Start:
    """What a run is started with.

    Attributes:
        spec: the run.
        directory: where it leaves its files.
        registry: where its components are.
        observers: plugins that watch.
        report: receives progress.
        world: the ranks that it is split over; each has a start of its own.
    """

    spec: RunSpec
    directory: RunDirectory
    registry: Registry
    observers: Observers
    report: Callable[[dict[str, object]], None] = unheard
    world: World = ALONE
