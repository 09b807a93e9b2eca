"""From a suite to the runs that it asks for, with their dependencies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vsebench.data.open import open_dataset
from vsebench.grid.components import resolve_pooling, resolve_ref
from vsebench.grid.device import default_workers, resolve_device
from vsebench.grid.protocols import COMPONENT_KEYS, resolve_protocol
from vsebench.plugin.errors import PluginError, SpecError
from vsebench.plugin.loader import load_plugins
from vsebench.results.spec import ComponentRef, Environment, RunSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard, LossCard
    from vsebench.plugin.registry import Kind, Registry

T = TypeVar("T")
PoolingPair = tuple[ComponentRef, ComponentRef]


@dataclass(frozen=True)
class Plan:
    """What a suite comes down to.

    Attributes:
        runs: every run after those that it depends on.
        executor: the component spec of the executor.
        workers: runs at a time.
        out: the folder that receives a directory per run.
        plugin_files: paths of the plugin files that the runs need.
    """

    runs: tuple[RunSpec, ...]
    executor: ComponentRef
    workers: int
    out: Path
    plugin_files: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What opening the data sets warned of."""
        return tuple(dict.fromkeys(f"{run.dataset.spec}: {warning}" for run in self.runs for warning in run.environment.data_warnings))


def plan(suite: Suite) -> Plan:
    """Resolves a suite to runs. Opens each data set once, and writes nothing but the cache of a generated one.

    A loss that needs offline negatives depends on the run of its first round: one of the grid where there is one, else a `support` run.

    Raises:
        VsebenchError: a component, a parameter, a protocol key or a data set is not as it must be.
    """
    files = tuple(str(Path(file).resolve()) for file in suite.plugin)
    registry = load_plugins(files).registry
    executor = resolve_ref("executor", suite.executor, registry)
    axes = _Axes.of(suite, registry)
    protocols = [_protocol(suite, dataset, registry) for dataset in axes.datasets]
    device = resolve_device(suite.device)
    grid = _Grid(registry)
    for dataset, protocol in zip(axes.datasets, protocols, strict=True):
        data = _open(suite, dataset, registry, files)
        for pooling, similarity, loss, seed in itertools.product(axes.poolings, axes.similarities, axes.losses, suite.seeds):
            sides = {"image_pooling": pooling[0], "text_pooling": pooling[1]}
            grid.add(RunSpec(**data, **protocol, **sides, similarity=similarity, loss=loss, seed=seed, device=device))
    workers = suite.workers or default_workers(device)
    concurrency = min(workers, len(grid.runs))
    runs = tuple(run.model_copy(update={"environment": run.environment.model_copy(update={"concurrency": concurrency})}) for run in grid.runs.values())
    return Plan(runs, executor, workers, Path(suite.out), files)


@dataclass(frozen=True)
class _Axes:
    """The resolved components of a suite."""

    datasets: tuple[ComponentRef, ...]
    poolings: tuple[PoolingPair, ...]
    similarities: tuple[ComponentRef, ...]
    losses: tuple[ComponentRef, ...]

    @classmethod
    def of(cls, suite: Suite, registry: Registry) -> _Axes:
        def refs(kind: Kind, texts: Sequence[str]) -> tuple[ComponentRef, ...]:
            return _distinct(kind, texts, lambda text: resolve_ref(kind, text, registry), lambda ref: ref.spec)

        poolings = _distinct("pooling", suite.pooling, lambda text: resolve_pooling(text, registry), lambda pair: f"{pair[0].spec}/{pair[1].spec}")
        axes = cls(refs("dataset", suite.dataset), poolings, refs("similarity", suite.similarity), refs("loss", suite.loss))
        axes.check_task(suite, registry)
        return axes

    def check_task(self, suite: Suite, registry: Registry) -> None:
        """Refuses what the data sets' task does not use."""
        for dataset in self.datasets:
            task = cast("DatasetCard", registry.get("dataset", dataset.name).card).task
            if task != "retrieval":
                raise SpecError(f"data set '{dataset.spec}' serves the {task} task, which this version of vsebench does not run")
            if suite.sampler is not None:
                raise SpecError(f"data set '{dataset.spec}' serves the {task} task, which uses no sampler: leave out the sampler")
            for loss in self.losses:
                serves = _loss_card(loss, registry).task
                if serves != task:
                    raise SpecError(f"loss '{loss.spec}' serves the {serves} task, data set '{dataset.spec}' the {task} task")


@dataclass
class _Grid:
    """Runs by id, each after those that it depends on."""

    registry: Registry
    runs: dict[str, RunSpec] = field(default_factory=dict)

    def add(self, spec: RunSpec, above: tuple[str, ...] = ()) -> RunSpec:
        """Adds a run and what it depends on; `above` are the losses of the runs that need this one."""
        offline = _loss_card(spec.loss, self.registry).offline_for(spec.loss.params)
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


def _open(suite: Suite, dataset: ComponentRef, registry: Registry, files: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a run that the data decide. Opening a data set checks it."""
    roots = [Path(root) for root in suite.data_root]
    opened = open_dataset(registry.get("dataset", dataset.name), dataset.params, data_roots=roots, strict=suite.strict_data)
    environment = Environment(data_path=str(opened.path), data_warnings=opened.warnings, plugin_files=files)
    return {"dataset": dataset, "data_fingerprint": opened.fingerprint, "environment": environment}


def _protocol(suite: Suite, dataset: ComponentRef, registry: Registry) -> dict[str, Any]:
    """The fields of a run that the protocol decides."""
    card = cast("DatasetCard", registry.get("dataset", dataset.name).card)
    protocol, changes = resolve_protocol(suite.protocol or card.protocol, suite.changes, registry)
    components = {key: resolve_ref(kind, getattr(protocol, key), registry) for key, kind in COMPONENT_KEYS.items()}
    warmup = _loss_card(components["warmup_loss"], registry)
    if warmup.task != "retrieval" or warmup.offline is not None:
        raise SpecError(f"protocol key 'warmup_loss': '{protocol.warmup_loss}' cannot warm up a retrieval run: write a loss that needs a batch only")
    return {"protocol": protocol, "protocol_changes": changes, **components}


def _loss_card(loss: ComponentRef, registry: Registry) -> LossCard:
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
