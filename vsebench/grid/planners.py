"""What the planners of all tasks share: how the components that a suite names are resolved, and
what passes between a planner and the plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from vsebench.grid.component_values import of_protocol
from vsebench.grid.protocols import components_of, resolve_protocol
from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_ref
from vsebench.results.tasks import task_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard, LossCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.run_base import Device, RunBase
    from vsebench.results.tasks import Task

    Planner = Callable[
        [Suite, Sequence[ComponentRef], Callable[[ComponentRef], "Opened"], Device, Registry],
        "Planned",
    ]
    """Of a suite, its data sets, what opens one, the device and the registry; everything is
    resolved before the first data set is opened.
    """

T = TypeVar("T")


def resolve_datasets(suite: Suite, registry: Registry) -> tuple[Task, tuple[ComponentRef, ...]]:
    """A suite's data sets, and the task that they serve.

    Raises:
        SpecError: one is not known or is given twice, or they serve different tasks.
    """
    datasets = distinct_refs("dataset", suite_specs("dataset", suite, registry), registry)
    tasks = [
        cast("DatasetCard", registry.get("dataset", dataset.name).card).task for dataset in datasets
    ]
    for dataset, task in zip(datasets, tasks, strict=True):
        if task != tasks[0]:
            raise SpecError(
                f"data set '{datasets[0].spec}' serves the {tasks[0]} task, '{dataset.spec}' the "
                f"{task} task: write a suite for each"
            )
    return task_named(tasks[0]), datasets


def suite_specs(
    kind: Literal["pooling", "similarity", "loss", "dataset"], suite: Suite, registry: Registry
) -> Sequence[str]:
    """What the suite says of a kind, or its defaults."""
    texts: Sequence[str] = getattr(suite, kind)
    return (
        texts
        if kind in suite.model_fields_set
        else [own_spec(kind, text, registry) for text in texts]
    )


def distinct_refs(kind: str, texts: Sequence[str], registry: Registry) -> tuple[ComponentRef, ...]:
    """The components that `texts` name.

    Raises:
        SpecError: one is not known, or two are the same.
    """
    return distinct(
        kind, texts, lambda text: resolve_ref(kind, text, registry), lambda ref: ref.spec
    )


def check_losses(
    losses: Sequence[ComponentRef], task: Task, suite: Suite, registry: Registry
) -> None:
    """Refuses losses of another task."""
    for loss in losses:
        serves = loss_card(loss, registry).task
        if serves != task.name:
            raise SpecError(
                f"loss '{loss.spec}' serves the {serves} task, data set '{suite.dataset[0]}' the "
                f"{task.name} task"
            )


def check_unused(suite: Suite, task: Task, *names: str) -> None:
    """Refuses a suite that names kinds of components which the task does not use."""
    for name in names:
        if name in suite.model_fields_set:
            raise SpecError(
                f"data set '{suite.dataset[0]}' serves the {task.name} task, which uses no "
                f"{name}: leave out the {name}"
            )


def protocol_fields(
    task: Task,
    suite: Suite,
    dataset: ComponentRef,
    registry: Registry,
    tuned: Mapping[str, Scalar],
) -> dict[str, Any]:
    """The fields of a run that the protocol decides: the suite's, or the data set's own, with the
    values that were tuned for its row.

    Raises:
        SpecError: the preset, a key or a value is not valid.
    """
    card = cast("DatasetCard", registry.get("dataset", dataset.name).card)
    given = {**suite.changes, **of_protocol(tuned)}
    protocol, changes = resolve_protocol(task, suite.protocol or card.protocol, given, registry)
    components = components_of(protocol, task.spec, given, registry)
    return {
        "protocol": protocol,
        "protocol_changes": changes,
        **{slot.field: ref for slot, ref in components},
    }


def check_size(suite: Suite, **axes: int) -> None:
    """Refuses more runs than the suite may ask for, before they are made.

    Args:
        suite: what to run.
        **axes: number of components by the name of what they are, in the plural.

    Raises:
        SpecError: its combinations are too many.
    """
    numbers = {**axes, "seeds": len(suite.seeds)}
    asked = math.prod(numbers.values())
    if asked > suite.max_runs:
        combined = " × ".join(f"{n:,} {name}" for name, n in numbers.items() if n > 1)
        raise SpecError(
            f"{combined} are {asked:,} runs, and at most {suite.max_runs:,} are planned: leave "
            f"some out, or allow as many with --max-runs {asked} (max_runs in a suite file)"
        )


def loss_card(loss: ComponentRef, registry: Registry) -> LossCard:
    """The card of a loss, which says what it needs."""
    return cast("LossCard", registry.get("loss", loss.name).card)


def distinct(
    kind: str, texts: Sequence[str], resolve: Callable[[str], T], canonical: Callable[[T], str]
) -> tuple[T, ...]:
    """Resolves each text; refuses two that mean the same component."""
    seen: dict[str, str] = {}
    resolved: list[T] = []
    for text in texts:
        item = resolve(text)
        earlier = seen.setdefault(canonical(item), text)
        if len(seen) == len(resolved):
            raise SpecError(
                f"{kind} '{text}' is given "
                f"twice{'' if text == earlier else f' (it equals {earlier!r})'}: keep one"
            )
        resolved.append(item)
    return tuple(resolved)


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
