"""The axes of a grid on the retrieval task: poolings, similarities and losses, and what the
protocol holds equal.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from vsebench.grid.axes import check_losses, distinct, distinct_refs, loss_card, suite_specs
from vsebench.grid.content import with_content
from vsebench.grid.protocols import components_of, resolve_protocol
from vsebench.plugin.errors import SpecError
from vsebench.results.components import resolve_pooling
from vsebench.results.spec import Cell, pooling_pair
from vsebench.retrieval.task import RETRIEVAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef

    PoolingPair = tuple[ComponentRef, ComponentRef]
    Method = tuple[ComponentRef, ComponentRef | None]
    """A loss, and the sampler of its global negatives where it needs them."""


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
        poolings = distinct(
            "pooling",
            suite_specs("pooling", suite, registry),
            lambda text: resolve_pooling(text, registry),
            lambda pair: pooling_pair(*pair),
        )
        losses = distinct_refs("loss", suite_specs("loss", suite, registry), registry)
        check_losses(losses, RETRIEVAL, suite, registry)
        similarities = distinct_refs(
            "similarity", suite_specs("similarity", suite, registry), registry
        )
        return cls(poolings, similarities, _methods(losses, similarities, suite, registry))

    def cells(self, datasets: Sequence[ComponentRef]) -> dict[Cell, dict[str, Any]]:
        """The cells of the grid on these data sets, each with the components of its runs."""
        found = {}
        for dataset, (image, text), similarity, (loss, sampler) in itertools.product(
            datasets, self.poolings, self.similarities, self.methods
        ):
            cell = Cell(
                dataset.spec,
                loss.spec,
                pooling_pair(image, text),
                similarity.spec,
                None if sampler is None else sampler.spec,
            )
            found[cell] = {
                "image_pooling": image,
                "text_pooling": text,
                "similarity": similarity,
                "loss": loss,
                "sampler": sampler,
            }
        return found


def protocol_fields(
    suite: Suite, dataset: ComponentRef, registry: Registry, tuned: Mapping[str, Scalar]
) -> dict[str, Any]:
    """The fields of a run that the protocol decides: the suite's, or the data set's own, with the
    values that were tuned for its row.

    Raises:
        SpecError: the preset, a key or a value is not valid.
    """
    card = cast("DatasetCard", registry.get("dataset", dataset.name).card)
    protocol, changes = resolve_protocol(
        RETRIEVAL, suite.protocol or card.protocol, {**suite.changes, **tuned}, registry
    )
    components: dict[str, Any] = {
        slot.field: ref and with_content(slot.kind, ref, registry)
        for slot, ref in components_of(protocol, RETRIEVAL.spec, suite.changes, registry)
    }
    warmup = loss_card(components["warmup_loss"], registry)
    if warmup.task != RETRIEVAL.name or warmup.offline is not None or warmup.sampled:
        raise SpecError(
            f"protocol key 'warmup_loss': '{protocol.warmup_loss}' cannot warm up a retrieval "
            "run: write a loss that needs a batch only"
        )
    return {
        "protocol": protocol,
        "protocol_changes": changes,
        **components,
    }


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
