"""Which runs may share a table: those made under equal conditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError, VsebenchError, did_you_mean
from vsebench.plugin.metrics import Metric
from vsebench.report.rows.evidence import no_evidence
from vsebench.report.rows.runs import grouped
from vsebench.report.rows.variants import (
    TUNED_OPTION,
    marked,
    newest_only,
    option_name,
    told_apart,
    with_untuned,
)
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.runs import Run
    from vsebench.results.components import ComponentRef, ComponentSlot
    from vsebench.results.protocol import AnyProtocol
    from vsebench.results.spec import AnySpec
    from vsebench.results.tasks import Task

_NAMED = 3  # differences that an error spells out


@dataclass(frozen=True)
class Section:
    """Runs on one data set that were made under equal conditions: one block of the table.

    Attributes:
        runs: runs in the order of the rows; at most one per combination and seed.
        apart: settings in which it differs from other sections of its data set, present only where
            a table mixes them.
        superseded: how many runs of older versions were left out.
    """

    runs: tuple[Run, ...]
    apart: tuple[str, ...] = ()
    superseded: int = 0

    @property
    def dataset(self) -> str:
        return self.runs[0].record.spec.dataset.spec

    @cached_property
    def task(self) -> Task:
        return task_of(self.runs[0].record.spec)

    @cached_property
    def rows(self) -> Mapping[tuple[str, str], Sequence[Run]]:
        """The runs of each row, in the order of the rows."""
        return grouped(self.runs, lambda run: run.combination)

    @cached_property
    def no_evidence(self) -> Mapping[tuple[str, str], tuple[Reason, ...]]:
        """Why each row is no evidence; empty where it is."""
        return {row: no_evidence(runs) for row, runs in self.rows.items()}

    @cached_property
    def measured(self) -> tuple[Metric, ...]:
        """What plugins measured of its runs, beside vsebench's own metrics: of unknown scale and
        direction.
        """
        sources: dict[str, dict[str, None]] = {}
        for run in self.runs:
            for name, column in run.record.columns.items():
                sources.setdefault(name, {})[column.source] = None
        return tuple(
            Metric(
                name,
                name,
                f"Measured on test by {' and '.join(found)}.",
                better=None,
                interval="student",
            )
            for name, found in sources.items()
        )

    @cached_property
    def further(self) -> tuple[Metric, ...]:
        """Vsebench's own metrics that its runs have, as their protocol asks for them."""
        found = {key for run in self.runs for key in run.record.test}
        return tuple(metric for metric in self.task.further if metric.key in found)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What was measured of its runs, by vsebench and then by plugins."""
        return (*self.task.metrics, *self.further, *self.measured)

    def metric(self, key: str) -> Metric:
        """The metric of that key.

        Raises:
            SpecError: nothing of that name was measured.
        """
        known = {metric.key: metric for metric in self.metrics}
        if key not in known:
            raise SpecError(f"unknown metric '{key}': {did_you_mean(key, known)}")
        return known[key]

    @property
    def counted_on(self) -> str:
        """The splits that its metrics are of."""
        return self.runs[0].record.spec.counted_on

    @cached_property
    def tuned(self) -> tuple[str, ...]:
        """What was tuned for some of its rows by itself: keys of the protocol, and parameters of
        components as `loss.margin`.
        """
        return tuple(dict.fromkeys(key for run in self.runs for key in run.record.spec.tuned_keys))

    @property
    def set_apart(self) -> tuple[str, ...]:
        """What gives it a table of its own on its data set."""
        return self.runs[0].record.spec.set_apart


def split(
    runs: Sequence[Run], *, allow_mixed: bool | None = None, only_newest: bool = False
) -> list[Section]:
    """Sections by data set and similarity, in order of first appearance. Several versions of a
    component are rows of their own, and so are tuned rows beside untuned ones.

    Args:
        runs: runs in the order of the rows.
        allow_mixed: put runs of a data set under unequal conditions into sections of their own, and
            of several runs of the same combination and seed take the newest, instead of refusing
            both; None where whoever asks for the table cannot.
        only_newest: whether only the newest of several versions of a component is shown.

    Raises:
        VsebenchError: without `allow_mixed`, runs of one data set differ in protocol settings,
            data, metric version or device.
    """
    sections = []
    for group in grouped(runs, _table).values():
        alike = with_untuned([*grouped(group, _under).values()], _under)
        if len(alike) > 1 and not allow_mixed:
            raise _mixed(alike[0][0], alike[1][0], allow_mixed=allow_mixed)
        sections += [
            _section(part, alike, allow_mixed=allow_mixed, only_newest=only_newest)
            for part in alike
        ]
    return sections


def told_by_name(sections: Sequence[Section]) -> list[Section]:
    """The sections, each apart from those of the same data and splits in all that differs."""
    named = [(_table(section.runs[0]), section.counted_on) for section in sections]
    found = []
    for section, name in zip(sections, named, strict=True):
        alike = [other for other, same in zip(sections, named, strict=True) if same == name]
        first = section.runs[0]
        differing = {key for other in alike for key in _differences(first, other.runs[0])}
        apart = (f"{key}={said}" for key, said in conditions(first).items() if key in differing)
        found.append(replace(section, apart=tuple(apart)))
    return found


def conditions(run: Run, tuned: Collection[str] = ()) -> dict[str, Any]:
    """Everything that must be equal for two rows to be compared, by the name that an error uses.

    The device counts because arithmetic differs between devices (`precision=auto` is bf16 on CUDA).
    The preset's name does not: settings do. Tuned rows must be tuned in the same keys, and may then
    differ in them, from each other and from untuned rows.

    Args:
        run: the run.
        tuned: keys that are taken for tuned, beside those that were.
    """
    spec = run.record.spec
    keys = {*spec.tuned_keys, *tuned}
    return {
        "data fingerprint": spec.data_fingerprint,
        "metric version": run.record.metric_version,
        "device": spec.device,
        "claims": spec.claims[:12] or "none",
        **_settings(spec.protocol),
        **{slot.field: _component(spec, slot, keys) for slot in spec.slots() if slot.held_equal},
        **{key: "tuned for each row" for key in sorted(keys) if spec.holds_equal(key)},
    }


@lru_cache(maxsize=256)
def _settings(protocol: AnyProtocol) -> dict[str, Any]:
    """Made once: the runs of a study share their protocol."""
    return protocol.model_dump(exclude={"name"})


def _section(
    runs: Sequence[Run],
    alike: Sequence[Sequence[Run]],
    *,
    allow_mixed: bool | None,
    only_newest: bool,
) -> Section:
    newest: dict[tuple[tuple[str, str], int], Run] = {}
    for run in told_apart(newest_only(marked(runs)) if only_newest else marked(runs)):
        key = (run.combination, run.record.spec.seed)
        other = newest.setdefault(key, run)
        if other is not run and not allow_mixed and not on_same_data(other, run):
            raise VsebenchError(
                f"runs {other.label} and {run.record.run_id} are the same combination and seed, "
                f"{_unlike(other, run)}: delete the folder of the older"
                f"{'' if allow_mixed is None else ', or pass --allow-mixed to take the newest'}"
            )
        newest[key] = max(other, run, key=lambda r: r.started)
    differing = sorted({name for other in alike for name in _differences(runs[0], other[0])})
    found = conditions(runs[0])
    return Section(
        tuple(newest.values()),
        tuple(f"{name}={found[name]}" for name in differing),
        len(runs) - len(newest),
    )


def _unlike(first: Run, second: Run) -> str:
    """In what two runs of one row and seed differ."""
    if first.tuned == second.tuned:
        return (
            "made by different versions of something that the row does not name, such as a first "
            "round"
        )
    values = (
        ", ".join(f"{key}={value}" for key, value in run.tuned.items()) for run in (first, second)
    )
    return f"tuned twice ({' and '.join(values)})"


def on_same_data(first: Run, second: Run) -> bool:
    """Whether two runs differ in nothing but the code of a data set that gave both the same."""
    one, other = (run.record.spec.identity() for run in (first, second))
    return {**one, "dataset": None} == {**other, "dataset": None}


def _mixed(first: Run, second: Run, *, allow_mixed: bool | None) -> VsebenchError:
    names = _differences(first, second)
    found, other = conditions(first), conditions(second)
    what = ", ".join(f"{name} ({found[name]} and {other[name]})" for name in names[:_NAMED]) + (
        f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    )
    return VsebenchError(
        f"runs {first.label} and {second.label} differ in {what}: report them from separate "
        f"folders{'' if allow_mixed is None else ', or pass --allow-mixed'}"
    )


def _differences(first: Run, second: Run) -> list[str]:
    found, other = conditions(first), conditions(second)
    return [name for name in found if name not in other or found[name] != other[name]]


def _table(run: Run) -> tuple[str, ...]:
    """What runs of one table share, whatever their conditions."""
    return run.record.spec.dataset.spec, *run.record.spec.set_apart


def _under(run: Run, tuned: Collection[str] = ()) -> tuple[tuple[str, Any], ...]:
    return tuple(conditions(run, tuned).items())


def _component(spec: AnySpec, slot: ComponentSlot, tuned: Collection[str]) -> str:
    ref: ComponentRef | None = spec.row_ref(slot.field, tuned)
    if ref is None:
        return slot.absent
    return ref.spec if ref.version == "1" else f"{ref.spec} (version {ref.version})"


def parse_row(
    text: str, sections: Sequence[Section], option: str = "--baseline"
) -> tuple[str, str]:
    """The combination that `POOLING,LOSS`, or `SAMPLER,LOSS`, names; with `,tuned` the tuned one
    of two.

    Args:
        text: the name.
        sections: sections in which it is looked for.
        option: option that gave it.

    Raises:
        SpecError: no section has such a row, or several versions of it.
    """
    runs = [run for section in sections for run in section.runs]
    known = {option_name(run.combination): run.combination for run in runs}
    as_shown = {",".join(run.combination): run.combination for run in runs}
    if (found := known.get(text) or as_shown.get(text)) is not None:
        return found
    fitting = dict.fromkeys(run.combination for run in runs if text in _bare(run))
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        names = [f"'{option_name(each)}'" for each in fitting]
        newest = "--only-newest" if option.startswith("--") else "only_newest=True"
        raise SpecError(
            f"{option} '{text}' names {len(names)} rows, of several versions: write "
            f"{', '.join(names[:-1])} or {names[-1]}, the newest first, or leave the older out "
            f"with {newest}"
        )
    form = " or ".join(
        dict.fromkeys(f"{section.task.compared.upper()},LOSS" for section in sections)
    )
    raise SpecError(
        f"{option} '{text}' is no row: write {form} as the table does; {did_you_mean(text, known)}"
    )


def _bare(run: Run) -> set[str]:
    """What names a run's row where only one fits: without its version; of tuned rows, also that
    they are.
    """
    bare = ",".join(run.record.spec.combination)
    if not run.tuned:
        return {bare}
    return {f"{bare}{TUNED_OPTION}"} if run.mark else {bare, f"{bare}{TUNED_OPTION}"}
