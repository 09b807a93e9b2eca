"""The runs of the retrieval task, with the first rounds that some losses need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vsebench.grid.axes import loss_card
from vsebench.grid.axes_retrieval import Axes, protocol_fields
from vsebench.grid.planning import Planned
from vsebench.grid.suits import check_batch, check_frozen, check_images
from vsebench.grid.tuned import tuned_values
from vsebench.plugin.datasets import RetrievalData
from vsebench.plugin.errors import PluginError
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_ref
from vsebench.results.spec import RunSpec
from vsebench.retrieval.task import TUNABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vsebench.grid.planning import Opened
    from vsebench.grid.suite import Suite
    from vsebench.grid.tuned import Values
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import Cell, ComponentRef, Device


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
    cells = Axes.of(suite, registry).cells(datasets)
    tuned = tuned_values(suite.tuned, cells, suite.changes, TUNABLE.keys, registry)
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
            check_batch(refs[name], data, protocol["protocol"])
    for cell, components in cells.items():
        for values in tuned[cell]:
            protocol = protocols[_conditions(cell, values)]
            for seed in values.seeds(suite.seeds):
                fields = {**opened[cell.dataset].fields, **protocol, **values.fields}
                grid.ask_for(RunSpec(**fields, **components, seed=seed, device=device))
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
            needed = self.add(spec.model_copy(update={"loss": first}), chain)
            spec = spec.model_copy(update={"depends_on": (needed.run_id,)})
        return self.runs.setdefault(spec.run_id, spec)


def warm_up_warnings(runs: Sequence[RunSpec], registry: Registry) -> Iterator[str]:
    """Says where the warm-up leaves nothing to compare."""
    for run in runs:
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
