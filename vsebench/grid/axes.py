"""The axes of a suite's grid, resolved: which components are combined, and what the protocol holds
equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from vsebench.grid.content import with_content
from vsebench.grid.protocols import components_of, resolve_protocol
from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_pooling, resolve_ref
from vsebench.results.spec import RunSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard, LossCard, Task
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef

    PoolingPair = tuple[ComponentRef, ComponentRef]
    Method = tuple[ComponentRef, ComponentRef | None]
    """A loss, and the sampler of its global negatives where it needs them."""

T = TypeVar("T")


@dataclass(frozen=True)
class Axes:
    """The resolved components of a suite on the retrieval task."""

    poolings: tuple[PoolingPair, ...]
    similarities: tuple[ComponentRef, ...]
    methods: tuple[Method, ...]

    @classmethod
    def of(cls, suite: Suite, registry: Registry) -> Axes:
        """Resolves a suite's components.

        Raises:
            SpecError: one is not known, is given twice, or belongs to another task; or losses and
                samplers do not go together.
        """
        if suite.tuned:
            raise SpecError(
                f"data set '{suite.dataset[0]}' serves the retrieval task, where no row is tuned "
                "by itself: leave out 'tuned'"
            )
        poolings = _distinct(
            "pooling",
            suite_specs("pooling", suite, registry),
            lambda text: resolve_pooling(text, registry),
            lambda pair: f"{pair[0].spec}/{pair[1].spec}",
        )
        losses = distinct_refs("loss", suite_specs("loss", suite, registry), registry)
        check_losses(losses, "retrieval", suite, registry)
        similarities = distinct_refs(
            "similarity", suite_specs("similarity", suite, registry), registry
        )
        return cls(poolings, similarities, _methods(losses, similarities, suite, registry))


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
    return tasks[0], datasets


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
    return _distinct(
        kind, texts, lambda text: resolve_ref(kind, text, registry), lambda ref: ref.spec
    )


def check_losses(
    losses: Sequence[ComponentRef], task: Task, suite: Suite, registry: Registry
) -> None:
    """Refuses losses of another task."""
    for loss in losses:
        serves = loss_card(loss, registry).task
        if serves != task:
            raise SpecError(
                f"loss '{loss.spec}' serves the {serves} task, data set '{suite.dataset[0]}' the "
                f"{task} task"
            )


def protocol_fields(suite: Suite, dataset: ComponentRef, registry: Registry) -> dict[str, Any]:
    """The fields of a run that the protocol decides: the suite's, or the data set's own.

    Raises:
        SpecError: the preset, a key or a value is not valid.
    """
    card = cast("DatasetCard", registry.get("dataset", dataset.name).card)
    protocol, changes = resolve_protocol(suite.protocol or card.protocol, suite.changes, registry)
    components: dict[str, Any] = {
        slot.field: ref and with_content(slot.kind, ref, registry)
        for slot, ref in components_of(protocol, RunSpec, suite.changes, registry)
    }
    warmup = loss_card(components["warmup_loss"], registry)
    if warmup.task != "retrieval" or warmup.offline is not None or warmup.sampled:
        raise SpecError(
            f"protocol key 'warmup_loss': '{protocol.warmup_loss}' cannot warm up a retrieval "
            "run: write a loss that needs a batch only"
        )
    return {
        "protocol": protocol,
        "protocol_changes": changes,
        **components,
    }


def loss_card(loss: ComponentRef, registry: Registry) -> LossCard:
    """The card of a loss, which says what it needs."""
    return cast("LossCard", registry.get("loss", loss.name).card)


def _methods(
    losses: Sequence[ComponentRef],
    similarities: Sequence[ComponentRef],
    suite: Suite,
    registry: Registry,
) -> tuple[Method, ...]:
    """Every loss, those that need global negatives once with each sampler."""
    sampled = [loss for loss in losses if loss_card(loss, registry).sampled]
    if not sampled and suite.sampler is not None:
        named = ", ".join(f"'{loss.spec}'" for loss in losses)
        raise SpecError(
            f"data set '{suite.dataset[0]}' serves the retrieval task, which uses no sampler with "
            f"{named}: leave out the sampler"
        )
    if not sampled:
        return tuple((loss, None) for loss in losses)
    if suite.sampler is None:
        raise SpecError(
            f"loss '{sampled[0].spec}' draws global negatives and needs a sampler: name one, such "
            "as --sampler vse-ens"
        )
    other = next(
        (
            similarity.spec
            for similarity in similarities
            if similarity.name not in ("dot", "vsebench::dot")
        ),
        None,
    )
    if other is not None:
        raise SpecError(
            f"loss '{sampled[0].spec}' draws its negatives by inner products: use similarity "
            f"'dot' instead of '{other}'"
        )
    samplers = distinct_refs("sampler", suite.sampler, registry)
    return tuple(
        (loss, sampler) for loss in losses for sampler in (samplers if loss in sampled else (None,))
    )


def _distinct(
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
