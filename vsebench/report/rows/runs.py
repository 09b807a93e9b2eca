"""Runs as reports see them: records with their training curves, in the order in which they were
asked for, and what each test image contributed to their metrics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from vsebench.plugin.errors import VsebenchError
from vsebench.report.rows.progress import CUT, SHARE, Progress, Reach, StoredCurve, progress
from vsebench.report.statistics.contributions import NONE, Contributions, contributions
from vsebench.results.folder.store import Store, check_folder, is_own
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from vsebench.results.components import ComponentRef
    from vsebench.results.reader import RunReader
    from vsebench.results.record import Evaluation, RunRecord
    from vsebench.results.run_base import Tuning
    from vsebench.results.spec import AnySpec
    from vsebench.results.tasks import Task

Key = TypeVar("Key")


@dataclass(frozen=True)
class Run:
    """A run that ended, well or not.

    Attributes:
        record: how it ended.
        curve: its evaluations.
        reader: what else it left; None for a run that was not read from a folder.
        versions: what is added to names of components by field of the spec, where a table holds
            several versions of them: `@3f2a`.
        mark: what is added to the name of its row, where a table holds tuned and untuned ones:
            ` (tuned)`.
    """

    record: RunRecord
    curve: Sequence[Evaluation] = ()
    reader: RunReader | None = field(default=None, compare=False, repr=False)
    versions: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    mark: str = field(default="", compare=False, repr=False)

    @cached_property
    def done(self) -> bool:
        return self.record.status == "done"

    @cached_property
    def combination(self) -> tuple[str, str]:
        """The components that a row compares: canonical specs of pooling, or of sampler, and
        loss, with their versions and the row's mark where the table needs them.
        """
        compared, loss = self._named.combination
        return compared, loss + self.mark

    @property
    def axes(self) -> Mapping[str, str | None]:
        """The components by axis, likewise."""
        axes = self._named.axes
        return {**axes, "loss": f"{axes['loss']}{self.mark}"}

    @cached_property
    def _named(self) -> AnySpec:
        spec = self.record.spec
        if not self.versions:
            return spec
        return spec.model_copy(
            update={
                field: with_version(getattr(spec, field), version)
                for field, version in self.versions.items()
            }
        )

    @property
    def task(self) -> Task:
        return task_of(self.record.spec)

    def test(self, key: str) -> float:
        """A metric on test, vsebench's own or a plugin's; NaN where it was not measured."""
        found = self.record.test.get(key)
        if found is not None:
            return found
        column = self.record.columns.get(key)
        return math.nan if column is None else column.value

    @cached_property
    def per_image(self) -> Contributions:
        """What each test image contributed to its metrics, float64 [images]; empty when not
        known.

        Raises:
            VsebenchError: the file is damaged.
        """
        return contributions(self.record, self.reader) if self.reader and self.done else NONE

    @cached_property
    def progress(self) -> Progress:
        """The rise of its headline on dev."""
        if isinstance(self.curve, StoredCurve):
            return self.curve.progress
        return progress(self.curve, self.task.headline.key)

    @property
    def best_dev(self) -> float | None:
        """The largest dev RSUM (MAP on the annotation task) of all its evaluations; None when it
        has none.
        """
        return max(self.progress.quality, default=None)

    def reach(self, quality: float) -> Reach | None:
        """The first evaluation at which its dev RSUM (MAP) is at least `quality`; None when it
        never is.
        """
        for steps, epochs, seconds, found, _ in zip(*self.progress, strict=True):
            if found >= quality:
                return Reach(steps, epochs, self.head_start + seconds)
        return None

    @property
    def reached_own_best(self) -> Reach | None:
        """When it reached 95 % of its own best."""
        return self.reach(SHARE * self.best_dev) if self.best_dev is not None else None

    def after_cut(self, quality: float) -> bool | None:
        """Whether it reached `quality` at the first evaluation after a cut of its learning rate;
        None when it never did.
        """
        before = 0.0
        for found, rate in zip(self.progress.quality, self.progress.rates, strict=True):
            if found >= quality:
                return rate < CUT * before
            before = rate
        return None

    @property
    def head_start(self) -> float:
        """The seconds that the method needs first."""
        cost = self.record.cost
        return cost.prior_seconds + cost.mining_seconds if cost is not None else 0.0

    @property
    def tuned(self) -> dict[str, bool | int | float | str | None]:
        """What was tuned for its row alone, with its values."""
        spec = self.record.spec
        return {key: spec.tuned_value(key) for key in spec.tuned_keys}

    @property
    def tuning(self) -> Tuning | None:
        """How these values were found; None where nothing was tuned, or it is not known."""
        return self.record.spec.tuning

    @cached_property
    def study(self) -> int:
        """Which of several independent searches they come from."""
        return self.tuning.study if self.tuning is not None else 0

    @property
    def started(self) -> str:
        """UTC, ISO 8601; empty when not known."""
        return self.record.provenance.started if self.record.provenance is not None else ""

    @property
    def label(self) -> str:
        """How errors and notes name it."""
        return f"{self.record.spec.label} ({self.record.run_id})"


def with_version(ref: ComponentRef, version: str) -> ComponentRef:
    """A component whose spec says its version: `power@3f2a:p=4`."""
    params = ref.spec.removeprefix(ref.name)
    return ref.model_copy(update={"spec": f"{ref.name}{version}{params}"})


def grouped(runs: Iterable[Run], key: Callable[[Run], Key]) -> dict[Key, list[Run]]:
    """The runs by what they share, in order of first appearance."""
    groups: dict[Key, list[Run]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


class Reproduction(NamedTuple):
    """A run that was made twice, on purpose or not.

    Attributes:
        label: what it is a run of.
        first: the place whose run counts.
        second: the place of the other.
        difference: headline of the other run less that of the first.
    """

    label: str
    first: Path
    second: Path
    difference: float


@dataclass(frozen=True)
class Runs:
    """What a folder holds.

    Attributes:
        ended: runs with a record.
        unfinished: runs that were started and have no record yet.
        copies: directories of runs that lie in the folder twice, with the one that counts.
        made_twice: runs that lie in several folders with other results, of which the first counts.
    """

    ended: tuple[Run, ...]
    unfinished: tuple[AnySpec, ...]
    copies: tuple[tuple[str, str], ...] = ()
    made_twice: tuple[Reproduction, ...] = ()


def read_runs(out: Path, run_ids: Collection[str] | None = None) -> Runs:
    """Reads a folder of runs.

    Args:
        out: the folder.
        run_ids: the only runs to take; when None those that are rows, as the folder notes.

    Raises:
        MissingError: there is no such folder.
        VsebenchError: nothing in it has ended, or a file is damaged.
    """
    store = Store(out)
    check_folder(out)
    noted, (held, copies) = store.noted(), _held(store)
    wanted = noted.rows(held) if run_ids is None else held.keys() & run_ids
    ended, unfinished = [], []
    for run_id, (run, record) in held.items():
        if run_id not in wanted:
            continue
        if record is None:
            run.check_unfinished()
            unfinished.append(run.read_spec())
        else:
            ended.append(Run(record, StoredCurve(run, record), run))
    if not ended:
        raise _nothing(out, len(held), planned=bool(noted.rows({*held, *noted.run_ids})))
    place = {run_id: i for i, run_id in enumerate(noted.run_ids)}
    ended.sort(key=lambda run: (place.get(run.record.run_id, len(place)), run.started))
    return Runs(tuple(ended), tuple(unfinished), tuple(copies))


Held = dict[str, tuple["RunReader", "RunRecord | None"]]


def _held(store: Store) -> tuple[Held, list[tuple[str, str]]]:
    """Every run of a folder by id, with its record if it ended, and the directories that are copies
    of another's, which has the name that the run was given.
    """
    held: Held = {}
    copies = []
    for run in store.runs():
        record = run.read_record()
        run_id = record.run_id if record is not None else run.read_spec().run_id
        first, _ = held.get(run_id, (None, None))
        if first is None:
            held[run_id] = run, record
        elif is_own(first.path.name, run_id):
            copies.append((run.path.name, first.path.name))
        else:
            copies.append((first.path.name, run.path.name))
            held[run_id] = run, record
    return held, copies


def _nothing(out: Path, held: int, *, planned: bool) -> VsebenchError:
    if held and not planned:
        return VsebenchError(
            f"{out} holds no row, but {held} run{'s' * (held > 1)} that serve others or were tried "
            "by 'vsebench tune': give the folder that 'vsebench run --out' wrote to"
        )
    if held:
        return VsebenchError(
            f"no row of {out} has ended yet ({held} run{'s' * (held > 1)} started): wait for them, "
            "or continue with the same 'vsebench run' command"
        )
    inside = sorted(path.name for path in out.iterdir() if path.is_dir() and Store(path).runs())
    if inside:
        return VsebenchError(
            f"{out} holds no runs itself, but {', '.join(inside[:5])}"
            f"{', …' if len(inside) > 5 else ''} inside it do: give one of these, "
            f"or {out}/*/ to what takes several"
        )
    return VsebenchError(
        f"{out} holds no runs: give the folder that 'vsebench run --out' wrote to, the one with a "
        "folder per run"
    )


def on_same_images(runs: Sequence[Run], key: str) -> NDArray[np.float64] | None:
    """What the test images contributed to one metric of several runs, [runs, images]; None where a
    run does not say, or ranked other images.
    """
    found = [run.per_image for run in runs]
    known = all(key in each for each in found)
    alike = known and len({each.images for each in found}) == 1
    return Contributions.stacked(found, key) if alike else None


def on_same_images_by_row(
    rows: Sequence[Sequence[Run]], key: str
) -> list[NDArray[np.float64] | None]:
    """As `on_same_images`, of the runs of each row."""
    every = on_same_images([run for runs in rows for run in runs], key)
    if every is None:
        return [on_same_images(runs, key) for runs in rows]
    return [*np.split(every, np.cumsum([len(runs) for runs in rows])[:-1])]
