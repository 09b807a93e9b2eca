"""Values that a suite sets for one row alone, because they were tuned for each row with equal
effort: of protocol keys, and of parameters of its components.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.params import Scalar  # pydantic reads annotations at run time
from vsebench.results.components import pooling_pair, resolve_pooling, resolve_ref
from vsebench.results.run_base import Cell, Tuning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.results.run_base import RunBase
    from vsebench.results.tasks import Task


_VALUE = {"type": ["number", "boolean", "string"]}
_SET_SCHEMA = {
    "type": "object",
    "additionalProperties": {"anyOf": [_VALUE, {"type": "object", "additionalProperties": _VALUE}]},
}


class Found(BaseModel):
    """How the values of an entry were found."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    configurations: int = Field(ge=1)
    """Points of the space that were tried."""
    seconds: float = Field(ge=0)
    """Training seconds of all trials, with first rounds and mining."""
    tuned_at_edge: tuple[str, ...] = ()
    """Keys whose value lies at an end of the range that was searched."""


class Tuned(BaseModel):
    """Protocol values of a row, chosen on dev; `vsebench tune` writes them. A component that is
    left out stands for every one of the suite.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dataset: str | None = None
    """The data set."""
    pooling: str | None = None
    """The pooling of the row."""
    similarity: str | None = None
    """The similarity of the row."""
    sampler: str | None = None
    """The sampler of the row."""
    loss: str
    """The loss of the row."""
    study: int = Field(default=0, ge=0)
    """Which of several independent searches chose the values; each has runs of its own, with seeds
    that follow those of the study before.
    """
    set: Annotated[dict[str, Scalar], WithJsonSchema(_SET_SCHEMA)]
    """Values of protocol keys, the same for every row, and of parameters of the row's components,
    such as `loss.margin`: the same wherever a component stands.
    """
    tuning: Found | None = None
    """How they were found; for reports, and no part of what a run is."""

    @property
    def label(self) -> str:
        """How errors name the entry."""
        parts = (self.dataset, self.pooling, self.similarity, self.sampler, self.loss)
        name = " × ".join(part for part in parts if part is not None)
        return f"{name} of study {self.study}" if self.study else name


def _checked(value: object) -> object:
    """Finds what pydantic would say less plainly; `loss = { margin = 0.1 }` becomes
    `loss.margin`.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"write an array of tables, got {value!r}")
    found: list[object] = []
    for entry in value:
        if isinstance(entry, Tuned):
            found.append(entry)
            continue
        if not isinstance(entry, Mapping):
            raise ValueError(f"an entry is a table with loss and set, got {entry!r}")
        for key in entry:
            if key not in Tuned.model_fields:
                raise ValueError(
                    f"an entry has no key '{key}': {did_you_mean(str(key), Tuned.model_fields)}"
                )
        values = entry.get("set")
        if not entry.get("loss") or not isinstance(values, Mapping) or not values:
            raise ValueError(
                f"an entry needs loss and set, a table of protocol keys, got {dict(entry)!r}"
            )
        found.append({**entry, "set": dict(_flat(values))})
    return found


def _flat(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            for param, each in value.items():
                if not isinstance(each, bool | int | float | str):
                    raise ValueError(f"parameter '{key}.{param}' must be a value, got {each!r}")
                yield f"{key}.{param}", each
        elif "." in key:
            yield key, value
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"protocol key '{key}' must be a number, got {value!r}")
        else:
            yield key, float(value)


TunedRows = Annotated[tuple[Tuned, ...], BeforeValidator(_checked)]


class Values(NamedTuple):
    """What a row trains with in one study.

    Attributes:
        study: number of the study.
        set: tuned values by protocol key; empty where nothing is tuned.
        tuning: how they were found, where that is known.
    """

    study: int = 0
    set: Mapping[str, Scalar] = MappingProxyType({})
    tuning: Tuning | None = None

    @property
    def fields(self) -> dict[str, object]:
        """Those of a run that they decide."""
        return {"tuned": tuple(sorted(self.set)), "tuning": self.tuning}

    def seeds(self, suite: Sequence[int]) -> tuple[int, ...]:
        """Seeds of its runs: the suite's, and in later studies as many that follow, so that no two
        runs of a row share one.
        """
        return study_seeds(suite, self.study)


def study_seeds(seeds: Sequence[int], study: int) -> tuple[int, ...]:
    """The seeds of a study: those of the first, moved behind those of the studies before."""
    return tuple(seed + study * (max(seeds) - min(seeds) + 1) for seed in seeds)


def tuned_values(
    entries: Sequence[Tuned],
    cells: Mapping[Cell, Mapping[str, Any]],
    common: Iterable[str],
    task: Task,
    registry: Registry,
) -> Mapping[Cell, Sequence[Values]]:
    """What each cell trains with, by study; one without values where nothing is tuned.

    Args:
        entries: entries of the suite.
        cells: cells of its grid, each with the components of its runs by field.
        common: protocol keys that the suite sets for all rows.
        task: task that the suite serves.
        registry: resolves specs.

    Raises:
        SpecError: an entry fits no cell, a cell has none or several of a study, entries tune
            different keys, or a key is not tunable or set for all rows.
    """
    if not entries:
        return {cell: (Values(),) for cell in cells}
    _check_keys(entries, common, task)
    found: dict[Cell, dict[int, Values]] = {cell: {} for cell in cells}
    for entry in entries:
        fitting = _fitting(entry, cells, registry)
        if not fitting:
            raise SpecError(
                f"tuned: {entry.label} is no row of this suite: take the entry out, or add its "
                "components"
            )
        for cell in fitting:
            if entry.study in found[cell]:
                of_study = f" of study {entry.study}" if entry.study else ""
                raise SpecError(f"tuned: {cell.label} has two entries{of_study}: keep one")
            found[cell][entry.study] = Values(entry.study, entry.set, _tuning(entry))
    studies = max(entry.study for entry in entries) + 1
    for cell, values in found.items():
        missing = next((study for study in range(studies) if study not in values), None)
        if missing is not None:
            of_study = f" of study {missing}" if studies > 1 else ""
            raise SpecError(
                f"tuned: {cell.label} has no entry{of_study}: rows of one table are all tuned or "
                "none; 'vsebench tune' writes every entry"
            )
    _check_parameters(found, cells, task.spec)
    return {cell: [values[study] for study in range(studies)] for cell, values in found.items()}


def _tuning(entry: Tuned) -> Tuning | None:
    if entry.tuning is None and entry.study == 0:
        return None
    return Tuning(study=entry.study, **(entry.tuning.model_dump() if entry.tuning else {}))


def _check_keys(entries: Sequence[Tuned], common: Iterable[str], task: Task) -> None:
    def shared(entry: Tuned) -> list[str]:
        return sorted(key for key in entry.set if task.spec.holds_equal(key))

    assert task.tunable is not None
    keys = shared(entries[0])
    for entry in entries:
        if shared(entry) != keys:
            raise SpecError(
                f"tuned: {entry.label} sets {', '.join(shared(entry)) or 'no key'}, "
                f"{entries[0].label} {', '.join(keys) or 'none'}: tune the same keys for all rows"
            )
    for key in dict.fromkeys(key for entry in entries for key in entry.set):
        place, dot, _ = key.partition(".")
        if not dot and key not in task.tunable.keys:
            raise SpecError(
                f"tuned: protocol key '{key}' is held equal between rows: "
                f"{did_you_mean(key, task.tunable.keys)}"
            )
        if dot and place not in task.tunable.components:
            raise SpecError(
                f"tuned: '{key}' is no parameter of a row's component: "
                f"{did_you_mean(place, task.tunable.components)}"
            )
        if key in common:
            raise SpecError(
                f"protocol key '{key}' is tuned for each row and set for all of them: keep one"
            )


def _check_parameters(
    found: Mapping[Cell, Mapping[int, Values]],
    cells: Mapping[Cell, Mapping[str, Any]],
    run: type[RunBase],
) -> None:
    """Refuses a component that is tuned in one row and not in another, or in other parameters."""
    seen: dict[tuple[str, str], tuple[str, set[str]]] = {}
    kinds = {slot.field: slot.kind for slot in run.slots()}
    for cell, values in found.items():
        for each in values.values():
            for field, ref in cells[cell].items():
                if ref is None:
                    continue
                places = {key.partition(".")[::2] for key in each.set if "." in key}
                own = {param for place, param in places if field in run.fields_of(place)}
                label, theirs = seen.setdefault((kinds[field], ref.name), (cell.label, own))
                if own != theirs:
                    raise SpecError(
                        f"tuned: {cell.label} sets {_listed(own)} of {kinds[field]} '{ref.name}', "
                        f"{label} {_listed(theirs)}: tune the same parameters wherever it stands"
                    )


def _listed(params: Collection[str]) -> str:
    return ", ".join(sorted(params)) or "nothing"


def _fitting(entry: Tuned, cells: Iterable[Cell], registry: Registry) -> list[Cell]:
    wanted = {
        kind: resolve_ref(kind, text, registry).spec
        for kind in ("dataset", "similarity", "sampler", "loss")
        if (text := getattr(entry, kind)) is not None
    }
    if entry.pooling is not None:
        wanted["pooling"] = pooling_pair(*resolve_pooling(entry.pooling, registry))
    return [
        cell for cell in cells if all(getattr(cell, axis) == spec for axis, spec in wanted.items())
    ]
