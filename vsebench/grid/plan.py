"""From a suite to the runs that it asks for, with their dependencies."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vsebench.data.described import with_described
from vsebench.data.open import open_dataset
from vsebench.grid.dealing import deal
from vsebench.grid.job import NO_LIMITS
from vsebench.grid.planners import Opened, resolve_datasets
from vsebench.grid.preflight import check_components
from vsebench.kernels.devices import resolve_device
from vsebench.kernels.named_devices import parse
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.jobs import Limits
from vsebench.plugin.routes import asked
from vsebench.plugin.specs import own_spec
from vsebench.results.components import ComponentRef, resolve_ref
from vsebench.results.plugins import watchers
from vsebench.results.run_base import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vsebench.grid.planners import Planned
    from vsebench.grid.suite import Suite
    from vsebench.plugin.host.loaded import Plugins
    from vsebench.plugin.registry import Registry
    from vsebench.results.folder.clean import Keep
    from vsebench.results.run_base import RunBase


@dataclass(frozen=True)
class Plan:
    """What a suite comes down to.

    Attributes:
        runs: every run after those that it depends on.
        executor: the component spec of the executor.
        workers: runs at a time.
        out: the folder that receives a directory per run.
        plugin_files: paths of the plugin files that the runs need.
        support: ids of the runs that only serve others and are no rows of a table.
        warnings: what opening the data sets warned of, which components cannot be made, and whether
            the warm-up leaves nothing to compare.
        trials: ids of the runs that are tried for a choice and are no rows of a table, either, with
            what tells each from others of its label.
        limits: time that each run may take.
        devices: the CUDA devices that runs are dealt out over; any, where none is named.
        share: the part of a device that each run has.
        keep: what stays of the model of a run that this plan makes, once no run of it needs it.
    """

    runs: tuple[RunBase, ...]
    executor: ComponentRef
    workers: int
    out: Path
    plugin_files: tuple[str, ...] = ()
    support: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    trials: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    devices: tuple[str, ...] = ()
    share: float = 1.0
    keep: Keep = "best"

    def label(self, run: RunBase, *, short: bool = False) -> str:
        """How progress and errors name a run; `short` leaves its data set out."""
        name, note = run.method if short else run.label, self.trials.get(run.run_id)
        return name if note is None else f"{name} · {note}"


def plan(suite: Suite, reading: Callable[[str], None] | None = None, claims: str = "") -> Plan:
    """Resolves a suite to runs. Opens each data set and makes each component once, and writes
    nothing but the cache of a generated data set.

    A loss that needs offline negatives depends on the run of its first round: one of the grid where
    there is one, else a support run.

    Args:
        suite: what to run.
        reading: told of each data set before it is read.
        claims: digest of the claims under which the runs are made; runs under other claims, or
            none, are other runs.

    Raises:
        VsebenchError: a component, a parameter, a protocol key or a data set is not as it must be.
    """
    asked()  # what no run could do must not wait for the first one
    files = tuple(os.path.realpath(file) for file in suite.plugin)
    plugins = load_plugins(files)
    registry = with_described(
        plugins.registry, suite.dataset, [Path(root) for root in suite.data_root]
    )
    plugins = replace(plugins, registry=registry)
    executor = resolve_ref(
        "executor",
        suite.executor
        if "executor" in suite.model_fields_set
        else own_spec("executor", suite.executor, registry),
        registry,
    )
    task, datasets = resolve_datasets(suite, registry)
    devices = parse(suite.device)
    elsewhere = _check_executor(executor, registry)
    device = _device(devices.kind, elsewhere=elsewhere)

    def open_data(dataset: ComponentRef) -> Opened:
        if reading is not None:
            reading(dataset.spec)
        opened = _open(suite, dataset, plugins, files)
        return replace(opened, fields={**opened.fields, "claims": claims})

    planned: Planned = task.load_planner()(suite, datasets, open_data, device, registry)
    each = max((run.devices for run in planned.runs), default=1)
    dealt = deal(suite.workers, devices, device, registry.get("executor", executor.name), each)
    return Plan(
        with_concurrency(planned.runs, dealt.workers),
        executor,
        dealt.workers,
        Path(suite.out),
        files,
        planned.support,
        tuple(dict.fromkeys(_warnings(planned, registry))),
        limits=Limits(_seconds(suite.run_timeout), _seconds(suite.stall_timeout)),
        devices=dealt.devices,
        share=dealt.share,
        keep=suite.keep,
    )


def _seconds(minutes: float | None) -> float | None:
    """None for no limit, which a suite writes as 0."""
    return 60 * minutes if minutes else None


def _check_executor(executor: ComponentRef, registry: Registry) -> bool:
    """Makes the executor, so that what it lacks is said before any data are read.

    Returns:
        Whether runs are executed on other machines.
    """
    made = registry.get("executor", executor.name).create(executor.params, workers=1)
    return bool(getattr(made, "elsewhere", False))


def _device(asked: Literal["auto", "cpu", "cuda"], *, elsewhere: bool) -> Literal["cpu", "cuda"]:
    """What runs use; other machines may have what this one lacks."""
    return asked if elsewhere and asked != "auto" else resolve_device(asked)


def with_concurrency(runs: tuple[RunBase, ...], workers: int) -> tuple[RunBase, ...]:
    """The runs of one plan, each with the number of runs at a time in its environment."""
    together = {"concurrency": min(workers, len(runs))}
    return tuple(
        run.model_copy(update={"environment": run.environment.model_copy(update=together)})
        for run in runs
    )


def _open(suite: Suite, dataset: ComponentRef, plugins: Plugins, files: tuple[str, ...]) -> Opened:
    roots = [Path(root) for root in suite.data_root]
    opened = open_dataset(
        plugins.registry.get("dataset", dataset.name),
        dataset.params,
        data_roots=roots,
        strict=suite.strict_data,
    )
    environment = Environment(
        data_path=str(opened.path.absolute()),
        data_warnings=opened.warnings,
        plugin_files=files,
        watchers=watchers(plugins),
    )
    return Opened(
        opened.data,
        {"dataset": dataset, "data_fingerprint": opened.fingerprint, "environment": environment},
    )


def _warnings(planned: Planned, registry: Registry) -> list[str]:
    data = [
        f"{run.dataset.spec}: {warning}"
        for run in planned.runs
        for warning in run.environment.data_warnings
    ]
    return [
        *data,
        *check_components(planned.runs, registry),
        *planned.warnings,
    ]
