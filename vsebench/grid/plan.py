"""From a suite to the runs that it asks for, with their dependencies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsebench.data.open import open_dataset
from vsebench.grid.axes import Axes, loss_card, protocol_fields
from vsebench.grid.components import resolve_ref
from vsebench.grid.device import default_workers, resolve_device
from vsebench.grid.images import check_images
from vsebench.plugin import RetrievalData
from vsebench.plugin.errors import PluginError
from vsebench.plugin.loader import load_plugins
from vsebench.results.spec import ComponentRef, Environment, RunSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Registry


@dataclass(frozen=True)
class Plan:
    """What a suite comes down to.

    Attributes:
        runs: every run after those that it depends on.
        executor: the component spec of the executor.
        workers: runs at a time.
        out: the folder that receives a directory per run.
        plugin_files: paths of the plugin files that the runs need.
        warnings: what opening the data sets warned of, and whether the warm-up leaves nothing to compare.
    """

    runs: tuple[RunSpec, ...]
    executor: ComponentRef
    workers: int
    out: Path
    plugin_files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan(suite: Suite) -> Plan:
    """Resolves a suite to runs. Opens each data set once, and writes nothing but the cache of a generated one.

    A loss that needs offline negatives depends on the run of its first round: one of the grid where there is one, else a `support` run.

    Raises:
        VsebenchError: a component, a parameter, a protocol key or a data set is not as it must be.
    """
    files = tuple(str(Path(file).resolve()) for file in suite.plugin)
    registry = load_plugins(files).registry
    executor = resolve_ref("executor", suite.executor, registry)
    axes = Axes.of(suite, registry)
    protocols = [protocol_fields(suite, dataset, registry) for dataset in axes.datasets]
    device = resolve_device(suite.device)
    grid = _Grid(registry)
    for dataset, protocol in zip(axes.datasets, protocols, strict=True):
        data = _open(suite, dataset, protocol["image_encoder"], registry, files)
        for pooling, similarity, loss, seed in itertools.product(axes.poolings, axes.similarities, axes.losses, suite.seeds):
            sides = {"image_pooling": pooling[0], "text_pooling": pooling[1]}
            grid.add(RunSpec(**data, **protocol, **sides, similarity=similarity, loss=loss, seed=seed, device=device))
    workers = suite.workers or default_workers(device)
    concurrency = min(workers, len(grid.runs))
    runs = tuple(run.model_copy(update={"environment": run.environment.model_copy(update={"concurrency": concurrency})}) for run in grid.runs.values())
    return Plan(runs, executor, workers, Path(suite.out), files, _warnings(runs, registry))


@dataclass
class _Grid:
    """Runs by id, each after those that it depends on."""

    registry: Registry
    runs: dict[str, RunSpec] = field(default_factory=dict)

    def add(self, spec: RunSpec, above: tuple[str, ...] = ()) -> RunSpec:
        """Adds a run and what it depends on; `above` are the losses of the runs that need this one."""
        offline = loss_card(spec.loss, self.registry).offline_for(spec.loss.params)
        if offline is not None:
            chain = (*above, spec.loss.spec)
            first = resolve_ref("loss", offline.first_round, self.registry)
            if first.spec in chain:
                raise PluginError(f"loss '{spec.loss.spec}' is its own first round ({' needs '.join((*chain, first.spec))}): its card must name another loss")
            needed = self.add(spec.model_copy(update={"loss": first, "role": "support"}), chain)
            spec = spec.model_copy(update={"depends_on": (needed.run_id,)})
        if spec.role == "row" or spec.run_id not in self.runs:
            self.runs[spec.run_id] = spec
        return spec


def _warnings(runs: Sequence[RunSpec], registry: Registry) -> tuple[str, ...]:
    data = [f"{run.dataset.spec}: {warning}" for run in runs for warning in run.environment.data_warnings]
    return tuple(dict.fromkeys([*data, *(_only_warm_up(run) for run in runs if run.loss.spec != run.warmup_loss.spec and _is_warm_up(run, registry))]))


def _is_warm_up(run: RunSpec, registry: Registry) -> bool:
    """Whether the warm-up takes all of a run; a model that a first round has trained has none."""
    offline = loss_card(run.loss, registry).offline_for(run.loss.params)
    return run.protocol.warmup_epochs >= run.protocol.epochs and (offline is None or offline.start != "warm")


def _only_warm_up(run: RunSpec) -> str:
    return (
        f"{run.dataset.spec}: the warm-up takes all {run.protocol.epochs} epochs, so every loss trains as {run.warmup_loss.spec}: "
        "lower it with --set warmup_epochs=N"
    )


def _open(suite: Suite, dataset: ComponentRef, image_encoder: ComponentRef, registry: Registry, files: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a run that the data decide. Opening a data set checks it."""
    roots = [Path(root) for root in suite.data_root]
    opened = open_dataset(registry.get("dataset", dataset.name), dataset.params, data_roots=roots, strict=suite.strict_data)
    if isinstance(opened.data, RetrievalData):
        check_images(dataset, opened.data, image_encoder, registry)
    environment = Environment(data_path=str(opened.path.absolute()), data_warnings=opened.warnings, plugin_files=files)
    return {"dataset": dataset, "data_fingerprint": opened.fingerprint, "environment": environment}
