"""What passes between the plan of a suite and the planner of its task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef, Device, RunBase

    Planner = Callable[
        [Suite, Sequence[ComponentRef], Callable[[ComponentRef], "Opened"], Device, Registry],
        "Planned",
    ]
    """Of a suite, its data sets, what opens one, the device and the registry; everything is
    resolved before the first data set is opened.
    """


@dataclass(frozen=True)
class Opened:
    """A data set that was opened and checked.

    Attributes:
        data: its splits.
        fields: those of a run that it decides.
    """

    data: Any
    fields: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """The runs of a suite.

    Attributes:
        runs: every run after those that it depends on.
        support: ids of those that only serve others.
        warnings: what the task has to say of them.
    """

    runs: tuple[RunBase, ...]
    support: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
