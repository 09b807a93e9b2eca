"""The runs of the retrieval task: poolings, similarities and losses, the first rounds that some
losses need, and what the protocol holds equal.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from vsebench.grid.component_values import of_protocol, with_content, with_values
from vsebench.grid.planners import (
    Planned,
    check_losses,
    check_size,
    distinct,
    distinct_refs,
    loss_card,
    suite_specs,
)
from vsebench.grid.preflight import (
    check_batch,
    check_devices,
    check_frozen,
    check_held_out,
    check_images,
    check_words,
)
from vsebench.grid.protocols import components_of, resolve_protocol
from vsebench.grid.tuned import tuned_values
from vsebench.plugin.datasets import RetrievalData
from vsebench.plugin.errors import PluginError, SpecError
from vsebench.plugin.specs import own_spec
from vsebench.results.components import pooling_pair, resolve_pooling, resolve_ref
from vsebench.results.run_base import Cell
from vsebench.results.spec import RunSpec
from vsebench.retrieval.task import RETRIEVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vsebench.grid.component_values import Refs
    from vsebench.grid.planners import Opened
    from vsebench.grid.suite import Suite
    from vsebench.grid.tuned import Values
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.protocol import Protocol
    from vsebench.results.run_base import Device

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
    given = {**suite.changes, **of_protocol(tuned)}
    protocol, changes = resolve_protocol(
        RETRIEVAL, suite.protocol or card.protocol, given, registry
    )
    slots = dict(components_of(protocol, RETRIEVAL.spec, suite.changes, registry))
    protocol, components = with_encoders(
        protocol, {slot.field: ref for slot, ref in slots.items()}, tuned, registry
    )
    components = {
        slot.field: ref and with_content(slot.kind, ref, registry)
        for slot, ref in ((slot, components[slot.field]) for slot in slots)
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


def with_encoders(
    protocol: Protocol, held: Refs, tuned: Mapping[str, Scalar], registry: Registry
) -> tuple[Protocol, dict[str, Any]]:
    """A protocol and the components that it names, with the tuned values of their parameters.

    Raises:
        SpecError: one has no such parameter, or a value is not allowed.
    """
    found = with_values(held, tuned, RETRIEVAL.spec, registry)
    changed = {field: ref.spec for field, ref in found.items() if ref != held[field]}
    return protocol.model_copy(update=changed), found


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


def retrieval_runs(
    suite: Suite,
    datasets: Sequence[ComponentRef],
    open_data: Callable[[ComponentRef], Opened],
    device: Device,
    registry: Registry,
) -> Planned:
    """Every run of a suite, each after those that it depends on; everything is resolved before the
    first data set is opened.
    """
    axes = Axes.of(suite, registry)
    check_size(
        suite,
        datasets=len(datasets),
        poolings=len(axes.poolings),
        similarities=len(axes.similarities),
        losses=len(axes.methods),
    )
    cells = axes.cells(datasets)
    tuned = tuned_values(suite.tuned, cells, suite.changes, RETRIEVAL, registry)
    refs = {dataset.spec: dataset for dataset in datasets}
    protocols: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell, values in ((cell, values) for cell, each in tuned.items() for values in each):
        key = _conditions(cell, values)
        if key not in protocols:
            protocols[key] = protocol_fields(suite, refs[cell.dataset], registry, values.set)
    for protocol in protocols.values():
        encoders = {
            kind: protocol[kind.replace("-", "_")] for kind in ("image-encoder", "text-encoder")
        }
        check_frozen(protocol["protocol"], encoders, registry)
    grid = _Grid(registry)
    opened = {dataset.spec: open_data(dataset) for dataset in datasets}
    for (name, *_), protocol in protocols.items():
        if isinstance(data := opened[name].data, RetrievalData):
            check_images(refs[name], data, protocol["image_encoder"], registry)
            check_held_out(refs[name], data, protocol["protocol"])
            check_batch(refs[name], data, protocol["protocol"])
            check_words(refs[name], data, protocol["protocol"], protocol["text_encoder"], registry)
            check_devices(refs[name], data, protocol["protocol"])
    for cell, components in cells.items():
        for values in tuned[cell]:
            protocol = protocols[_conditions(cell, values)]
            own = with_values(components, values.set, RunSpec, registry)
            for seed in values.seeds(suite.seeds):
                fields = {**opened[cell.dataset].fields, **protocol, **own, **values.fields}
                grid.ask_for(RunSpec(**fields, seed=seed, device=device))
    runs = tuple(grid.runs.values())
    support = frozenset(grid.runs.keys() - grid.asked)
    return Planned(runs, support, tuple(warm_up_warnings(runs, registry)))


def _conditions(cell: Cell, values: Values) -> tuple[Any, ...]:
    """What decides the protocol of a cell's runs, of all that differs between them."""
    return cell.dataset, *sorted(values.set.items())


@dataclass
class _Grid:
    """Runs by id, each after those that it depends on, and the ids of those that are asked for."""

    registry: Registry
    runs: dict[str, RunSpec] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def ask_for(self, spec: RunSpec) -> None:
        """Adds a point of the grid and what it depends on."""
        self.asked.add(self.add(spec).run_id)

    def add(self, spec: RunSpec, above: tuple[str, ...] = ()) -> RunSpec:
        """Adds a run and what it depends on; `above` are the losses of the runs that need this
        one.
        """
        offline = loss_card(spec.loss, self.registry).offline_for(spec.loss.params)
        if offline is not None:
            chain = (*above, spec.loss.spec)
            first = resolve_ref(
                "loss", own_spec("loss", offline.first_round, self.registry), self.registry
            )
            if first.spec in chain:
                raise PluginError(
                    f"loss '{spec.loss.spec}' is its own first round "
                    f"({' needs '.join((*chain, first.spec))}): its card must name another loss"
                )
            if loss_card(first, self.registry).sampled:
                raise PluginError(
                    f"the first round '{first.spec}' of loss '{spec.loss.spec}' needs a sampler: "
                    "its card must name another loss"
                )
            tuned = tuple(key for key in spec.tuned if not key.startswith("loss."))
            needed = self.add(spec.model_copy(update={"loss": first, "tuned": tuned}), chain)
            spec = spec.model_copy(update={"depends_on": (needed.run_id,)})
        return self.runs.setdefault(spec.run_id, spec)


def warm_up_warnings(runs: Sequence[RunSpec], registry: Registry) -> Iterator[str]:
    """Says where the warm-up leaves nothing to compare."""
    for run in runs:
        if not run.protocol.epochs:  # nothing trains
            continue
        if run.loss.spec != run.warmup_loss.spec and _is_warm_up(run, registry):
            epochs = (
                f"all {run.protocol.epochs} epochs" if run.protocol.epochs > 1 else "the only epoch"
            )
            yield (
                f"{run.dataset.spec}: the warm-up takes {epochs}, so every loss trains as "
                f"{run.warmup_loss.spec}: lower it with --set warmup_epochs=N"
            )


def _is_warm_up(run: RunSpec, registry: Registry) -> bool:
    """Whether the warm-up takes all of a run; a model that a first round has trained has none."""
    offline = loss_card(run.loss, registry).offline_for(run.loss.params)
    return run.protocol.warmup_epochs >= run.protocol.epochs and (
        offline is None or offline.start != "warm"
    )
