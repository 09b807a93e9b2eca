"""A seed of somebody's runs, made again on this machine and compared with its records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.open import open_dataset
from vsebench.gate.fingerprint import row_of
from vsebench.grid.plan import Plan
from vsebench.grid.run import run_plan
from vsebench.plugin.errors import DataError, SpecError, VsebenchError, did_you_mean
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.metrics import RECALLS
from vsebench.report.statistics.means import LEVEL, t_interval
from vsebench.report.statistics.seed_spread import stored
from vsebench.results.components import resolve_ref
from vsebench.results.folder.store import Store
from vsebench.results.reader import PER_IMAGE, RANKS
from vsebench.results.run_base import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vsebench.gate.fingerprint import Watch
    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.runs import Run
    from vsebench.results.reader import RunReader
    from vsebench.results.record import Provenance, RunRecord
    from vsebench.results.run_base import RunBase

_COMPUTING = ("vsebench", "torch", "numpy", "numba")
"""Libraries whose versions decide the last bits of a number."""
_FEWEST = 3
"""Seeds of a row whose spread says something."""


@dataclass(frozen=True)
class Rerun:
    """A run beside the same run made here.

    Attributes:
        row: its row, `gpo,triplet`.
        seed: its seed.
        alike: whether both were made by the same code on the same class of machine, so that all
            must be equal.
        equal: whether all test metrics, and the answers to every query, are equal.
        metric: key of the headline metric.
        theirs: the metric by the record.
        ours: the metric of the run made here; None where that failed.
        limit: largest difference, up or down, that another seed would explain; None where too few
            seeds say.
        error: why the run failed here; empty where it did not.
    """

    row: str
    seed: int
    alike: bool
    equal: bool
    metric: str
    theirs: float
    ours: float | None
    limit: float | None
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether the record stands: numbers are equal where they must be, else within the
        limit.
        """
        if self.ours is None or self.equal:
            return self.equal
        return not self.alike and self.limit is not None and self.difference <= self.limit

    @property
    def difference(self) -> float:
        """How far the run made here lies from the record, without a sign."""
        return abs((self.ours or 0.0) - self.theirs)

    def __str__(self) -> str:
        """What came of it, in words."""
        if self.ours is None:
            return f"fails here: {self.error}"
        if self.equal:
            return f"{self.metric} {self.ours:.6g} again, and every query as in the record"
        gap = f"{self.metric} {self.ours:.6g} here, {self.theirs:.6g} in the record"
        if self.alike:
            return f"{gap}: by the same code on the same CPU they must be equal"
        if self.limit is None:
            return f"{gap}; too few seeds to say how far another may lie"
        within = "within" if self.holds else "outside"
        return f"{gap}: {within} ±{self.limit:.3g}, by which one seed lies from another"


@dataclass(frozen=True)
class Request:
    """What is made again.

    Attributes:
        seed: seed of the runs.
        row: the only row, `gpo,triplet`; all where empty.
        data_roots: folders in which the data sets are looked for first.
        plugins: plugin files that the runs need.
    """

    seed: int
    row: str = ""
    data_roots: tuple[Path, ...] = ()
    plugins: tuple[str, ...] = ()


def rerun(
    folder: Path, runs: Sequence[Run], wanted: Request, out: Path, watch: Watch
) -> list[Rerun]:
    """Makes the runs of one seed again, from the specs in their records, and compares them.

    Args:
        folder: folder or pack that the runs were read from; holds the runs that they depend on.
        runs: its rows' runs.
        wanted: which of them.
        out: an empty folder for the new runs.
        watch: shows the progress of a plan.

    Raises:
        SpecError: no finished run has that seed or is of that row.
        DataError: a data set is not found, or is not that of the records.
        VsebenchError: a component is of another version here, or a run that another depends on is
            not at hand.
    """
    chosen = _chosen(runs, wanted)
    registry = load_plugins(wanted.plugins).registry
    environments: dict[str, Environment] = {}
    specs: dict[str, RunBase] = {}
    for run in chosen:
        for spec in _with_needed(run.record.spec, Store(folder)):
            _check_versions(spec, registry)
            if spec.data_fingerprint not in environments:
                environments[spec.data_fingerprint] = _environment(spec, wanted, registry)
            here = environments[spec.data_fingerprint]
            specs.setdefault(spec.run_id, spec.model_copy(update={"environment": here}))
    rows = {run.record.run_id for run in chosen}
    plan = Plan(
        tuple(specs.values()),
        resolve_ref("executor", "local", registry),
        1,
        out,
        wanted.plugins,
        frozenset(specs.keys() - rows),
    )
    with watch(plan) as report:
        run_plan(plan, reporter=report)
    return [_compared(run, Store(out), runs) for run in chosen]


def _chosen(runs: Sequence[Run], wanted: Request) -> list[Run]:
    done = [run for run in runs if run.done]
    names = {row_of(run.record.spec): None for run in done}
    if wanted.row and wanted.row not in names:
        raise SpecError(f"there is no row '{wanted.row}': {did_you_mean(wanted.row, names)}")
    found = [
        run
        for run in done
        if run.record.spec.seed == wanted.seed and wanted.row in ("", row_of(run.record.spec))
    ]
    if not found:
        seeds = ", ".join(map(str, sorted({run.record.spec.seed for run in done})))
        raise SpecError(f"no finished run has seed {wanted.seed}: their seeds are {seeds}")
    return found


def _with_needed(spec: RunBase, store: Store) -> Iterator[RunBase]:
    """A run after those that it depends on."""
    for run_id in spec.depends_on:
        found = store.find(run_id)
        record = found.read_record() if found is not None else None
        if record is None:
            raise VsebenchError(
                f"{spec.label} begins with run {run_id}, which {store.out} does not hold: pack it, "
                "too"
            )
        yield from _with_needed(record.spec, store)
    yield spec


def _check_versions(spec: RunBase, registry: Registry) -> None:
    for slot, ref in spec.components():
        now = registry.get(slot.kind, ref.name).version
        if now != ref.version:
            raise VsebenchError(
                f"{spec.label} was made with version {ref.version} of {slot.kind} '{ref.name}', "
                f"here it is {now}: rerun it with the release that the record names"
            )


def _environment(spec: RunBase, wanted: Request, registry: Registry) -> Environment:
    opened = open_dataset(
        registry.get("dataset", spec.dataset.name),
        spec.dataset.params,
        data_roots=wanted.data_roots,
    )
    if opened.fingerprint != spec.data_fingerprint:
        raise DataError(
            f"{spec.dataset.spec} in {opened.path} has fingerprint {opened.fingerprint}, the "
            f"records are of {spec.data_fingerprint}: name the folder of their data with "
            "--data-root"
        )
    return Environment(
        data_path=str(opened.path.absolute()),
        data_warnings=opened.warnings,
        plugin_files=wanted.plugins,
    )


def _compared(run: Run, here: Store, runs: Sequence[Run]) -> Rerun:
    record, key, spec = run.record, run.task.headline.key, run.record.spec
    again = here.find(record.run_id)
    found = again.read_record() if again is not None else None
    error = "" if found is not None and found.status == "done" else _why(found)
    new = found if not error else None
    alike = new is not None and _conditions(record.provenance) == _conditions(new.provenance)
    return Rerun(
        row_of(spec),
        spec.seed,
        spec.device == "cpu" and alike,
        new is not None and again is not None and _equal(run, new, again),
        key,
        record.test[key],
        None if new is None else new.test[key],
        _limit(run, runs),
        error,
    )


def _why(found: RunRecord | None) -> str:
    lines = ((found.error if found is not None else None) or "it left no record").strip()
    return lines.splitlines()[-1]


def _conditions(made: Provenance | None) -> object:
    """What decides the last bits; no two are equal where a record does not say."""
    if made is None:
        return object()
    libraries = [made.libraries.get(name) for name in _COMPUTING]
    return made.device_name, made.cpu_generation, made.matmul, libraries, made.git_commit


def _equal(run: Run, new: RunRecord, again: RunReader) -> bool:
    if run.record.test != new.test or run.reader is None:
        return False
    for name in (RANKS, PER_IMAGE):
        theirs, ours = run.reader.read_arrays(name), again.read_arrays(name)
        if theirs.keys() != ours.keys() or not all(
            np.array_equal(theirs[key], ours[key]) for key in theirs
        ):
            return False
    return True


def _limit(run: Run, runs: Sequence[Run]) -> float | None:
    """The prediction limit of a run's headline around another run of its row: of RSUM by the spread
    over seeds that comes with the package, else by that of the row's own seeds.
    """
    key = run.task.headline.key
    if key == "rsum":
        return stored().limits({k: run.test(k) for k in RECALLS}, [key], 1, LEVEL)[key]
    row = [
        each.test(key)
        for each in runs
        if each.done and row_of(each.record.spec) == row_of(run.record.spec)
    ]
    found = t_interval(row, LEVEL)
    if found.high is None or len(row) < _FEWEST:
        return None
    return (found.high - found.mean) * math.sqrt(2 * len(row))
