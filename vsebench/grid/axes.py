"""The axes of a suite's grid, resolved: which components are combined, and what the protocol holds equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vsebench.grid.components import resolve_pooling, resolve_ref
from vsebench.grid.content import with_content
from vsebench.grid.protocols import COMPONENT_KEYS, resolve_protocol
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard, LossCard
    from vsebench.plugin.registry import Kind, Registry
    from vsebench.results.spec import ComponentRef

    PoolingPair = tuple[ComponentRef, ComponentRef]

T = TypeVar("T")


@dataclass(frozen=True)
class Axes:
    """The resolved components of a suite."""

    datasets: tuple[ComponentRef, ...]
    poolings: tuple[PoolingPair, ...]
    similarities: tuple[ComponentRef, ...]
    losses: tuple[ComponentRef, ...]

    @classmethod
    def of(cls, suite: Suite, registry: Registry) -> Axes:
        """Resolves a suite's components.

        Raises:
            SpecError: one is not known, is given twice, or belongs to a task that a data set does not serve.
        """

        def refs(kind: Kind, texts: Sequence[str]) -> tuple[ComponentRef, ...]:
            return _distinct(kind, texts, lambda text: resolve_ref(kind, text, registry), lambda ref: ref.spec)

        poolings = _distinct("pooling", suite.pooling, lambda text: resolve_pooling(text, registry), lambda pair: f"{pair[0].spec}/{pair[1].spec}")
        axes = cls(refs("dataset", suite.dataset), poolings, refs("similarity", suite.similarity), refs("loss", suite.loss))
        axes._check_task(suite, registry)
        return axes

    def _check_task(self, suite: Suite, registry: Registry) -> None:
        """Refuses what the data sets' task does not use."""
        for dataset in self.datasets:
            task = cast("DatasetCard", registry.get("dataset", dataset.name).card).task
            if task != "retrieval":
                raise SpecError(f"data set '{dataset.spec}' serves the {task} task, which this version of vsebench does not run")
            if suite.sampler is not None:
                raise SpecError(f"data set '{dataset.spec}' serves the {task} task, which uses no sampler: leave out the sampler")
            for loss in self.losses:
                serves = loss_card(loss, registry).task
                if serves != task:
                    raise SpecError(f"loss '{loss.spec}' serves the {serves} task, data set '{dataset.spec}' the {task} task")


def protocol_fields(suite: Suite, dataset: ComponentRef, registry: Registry) -> dict[str, Any]:
    """The fields of a run that the protocol decides: the suite's, or the data set's own.

    Raises:
        SpecError: the preset, a key or a value is not valid.
    """
    card = cast("DatasetCard", registry.get("dataset", dataset.name).card)
    protocol, changes = resolve_protocol(suite.protocol or card.protocol, suite.changes, registry)
    components = {key: with_content(kind, resolve_ref(kind, getattr(protocol, key), registry), registry) for key, kind in COMPONENT_KEYS.items()}
    warmup = loss_card(components["warmup_loss"], registry)
    if warmup.task != "retrieval" or warmup.offline is not None:
        raise SpecError(f"protocol key 'warmup_loss': '{protocol.warmup_loss}' cannot warm up a retrieval run: write a loss that needs a batch only")
    return {"protocol": protocol, "protocol_changes": changes, **components}


def loss_card(loss: ComponentRef, registry: Registry) -> LossCard:
    """The card of a loss, which says what it needs."""
    return cast("LossCard", registry.get("loss", loss.name).card)


def _distinct(kind: str, texts: Sequence[str], resolve: Callable[[str], T], canonical: Callable[[T], str]) -> tuple[T, ...]:
    """Resolves each text; refuses two that mean the same component."""
    seen: dict[str, str] = {}
    resolved: list[T] = []
    for text in texts:
        item = resolve(text)
        earlier = seen.setdefault(canonical(item), text)
        if len(seen) == len(resolved):
            raise SpecError(f"{kind} '{text}' is given twice{'' if text == earlier else f' (it equals {earlier!r})'}: keep one")
        resolved.append(item)
    return tuple(resolved)
