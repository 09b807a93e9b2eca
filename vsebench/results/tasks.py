"""Tasks: what planning, running and tables know of each is one object.

A task's own modules are loaded by name when they are needed: a `Task` is imported without torch,
and what plans and runs it is not imported by a report.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.results.row_keys import (
    CONVERGENCE,
    COST,
    COUNTS,
    IDENTITY,
    NO_EVIDENCE,
    RANK,
    SAMPLING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vsebench.plugin.metrics import Metric
    from vsebench.plugin.params import Scalar
    from vsebench.results.protocol import AnyProtocol
    from vsebench.results.run_base import RunBase


@dataclass(frozen=True)
class Tunable:
    """What of a task's protocol may be chosen for each row by itself, and how trials are made
    short.

    Attributes:
        keys: protocol keys that may differ between the rows of one table: they decide how well a
            row trains, not for how long or on what.
        components: places of components whose parameters may differ likewise, as keys name them:
            fields of a run, or a kind for all its fields of the kind, which then comes first.
        searched: keys that a search tries where nobody says which; those of one tuple take one
            value together.
        shortened: changes that make a protocol's schedule a complete one of a share of its length,
            as near as it can be; none where it cannot be shorter.
    """

    keys: tuple[str, ...]
    components: tuple[str, ...]
    searched: tuple[tuple[str, ...], ...]
    shortened: Callable[[Any, float], dict[str, Scalar]]


@dataclass(frozen=True)
class Probe:
    """Runs of a second or two that show every step: what a fingerprint of a suite's rows is taken
    of.

    Attributes:
        dataset: spec of a procedural data set.
        changes: protocol keys that make runs on it short and small, whatever a suite says of them.
    """

    dataset: str
    changes: Mapping[str, Scalar]


@dataclass(frozen=True)
class Task:
    """What runs are trained for. Everything that differs between tasks stands here, or is named
    here as `module:name`.

    Attributes:
        name: name in cards, suites, specs and rows.
        spec: class of its runs.
        protocol: class of what its comparisons hold equal.
        presets: protocols by name.
        axes: what tables compare, by the names of `RunBase.axes`, the one beside the loss first.
        metrics: what vsebench measures, in the order of the rows.
        further: metrics that only runs of some protocols have.
        headline: the metric that selects models and dates their arrival; higher is better.
        notes: sentences on what every table's figures are.
        parts: what a run's seconds are divided into, as `Cost` names them.
        planner: turns a suite into runs (`vsebench.grid.planners.Planner`).
        runner: trains and tests a run: of a spec, a directory, a reporter and observers, to a
            record.
        asker: raises SpecError where a component, given with its kind and a run, cannot do what
            the run will ask of it; empty where runs ask nothing special.
        retester: gives the test metrics that follow from what a run left of every query, None where
            it left nothing; empty where that cannot be told.
        step: name of a step, as the column of the steps to a target says it.
        cost: keys that its rows have, beside those of every task's cost.
        shown_cost: those of them that tables for people have, by heading; seconds.
        probe: the runs of its fingerprints; None where none can be taken.
        published: whether cards hold published results of it, which `verify` compares with.
        tunable: what a suite may set for one row alone; None where rows are not tuned.
    """

    name: str
    spec: type[RunBase]
    protocol: type[AnyProtocol]
    presets: Mapping[str, AnyProtocol]
    axes: tuple[str, ...]
    metrics: tuple[Metric, ...]
    headline: Metric
    notes: tuple[str, ...]
    parts: tuple[str, ...]
    planner: str
    runner: str
    asker: str = ""
    retester: str = ""
    step: str = "steps"
    cost: tuple[str, ...] = ()
    shown_cost: Mapping[str, str] = field(default_factory=dict)
    tunable: Tunable | None = None
    probe: Probe | None = None
    further: tuple[Metric, ...] = ()
    published: bool = False

    @property
    def compared(self) -> str:
        """The axis that is compared beside the loss."""
        return self.axes[0]

    @cached_property
    def row_keys(self) -> tuple[str, ...]:
        """The keys of a row, in the order of the JSON and the CSV."""
        axes = (axis for axis in self.axes if axis not in IDENTITY)
        metrics = (key for metric in self.metrics for key in metric.row_keys)
        return (
            *IDENTITY,
            *axes,
            *COUNTS,
            NO_EVIDENCE,
            *metrics,
            *CONVERGENCE,
            *COST,
            *self.cost,
        )

    def load_planner(self) -> Any:
        """The function that `planner` names."""
        return _load(self.planner)

    def load_runner(self) -> Any:
        """The function that `runner` names."""
        return _load(self.runner)

    def load_retester(self) -> Any:
        """The function that `retester` names; None where there is none."""
        return _load(self.retester) if self.retester else None

    def load_asker(self) -> Any:
        """The function that `asker` names; None where runs ask nothing special."""
        return _load(self.asker) if self.asker else None


TASKS: dict[str, str] = {
    "retrieval": "vsebench.retrieval.task:RETRIEVAL",
    "annotation": "vsebench.annotation.task:ANNOTATION",
    "patterns": "vsebench.patterns.task:PATTERNS",
}
"""Where the tasks are, by name. A new task is an entry here and a package of its own."""


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        SpecError: there is none.
    """
    if name not in TASKS:
        raise SpecError(f"unknown task '{name}': {did_you_mean(name, TASKS)}")
    found: Task = _load(TASKS[name])
    return found


def task_of(run: RunBase) -> Task:
    """The task that a run serves."""
    return task_named(run.task)


def tasks() -> tuple[Task, ...]:
    """Every task."""
    return tuple(task_named(name) for name in TASKS)


def own_columns() -> frozenset[str]:
    """The names of the columns of rows, which plugins may not take for theirs."""
    keys = (key for task in tasks() for key in task.row_keys)
    further = (key for task in tasks() for metric in task.further for key in metric.row_keys)
    return frozenset((*keys, *further, *SAMPLING, RANK))


def _load(target: str) -> Any:
    name, _, attribute = target.partition(":")
    # a report of 10,000 runs asks a million times, and importing what is imported takes its time;
    # a module that another thread is importing is there before its names are
    found = getattr(sys.modules.get(name), attribute, None)
    return getattr(import_module(name), attribute) if found is None else found
