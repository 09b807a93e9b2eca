"""Parameters of components as axes of a space: `triplet:margin=0.05..0.4` is searched for every
row that has the component.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vsebench.grid.component_values import with_values
from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vsebench.grid.tuning.space import Axis
    from vsebench.plugin.params import Param
    from vsebench.plugin.registry import Component, Registry
    from vsebench.results.run_base import Cell, RunBase


@dataclass(frozen=True)
class Parameters:
    """What of the components of a suite's rows can be searched.

    Attributes:
        runs: a run of every row.
        places: what `Tunable.components` names, with the fields of a run that each is.
        registry: where the components are registered.
    """

    runs: Mapping[Cell, RunBase]
    places: Mapping[str, tuple[str, ...]]
    registry: Registry

    def find(self, key: str) -> Param:
        """The parameter that `triplet:margin` names.

        Raises:
            SpecError: no row has the component, it has no such parameter, or two of several kinds
                have.
        """
        name, _, param = key.rpartition(":")
        names: dict[str, None] = {}
        found: dict[tuple[str, str], Component] = {}
        for run in self.runs.values():
            for kind, ref_name in self._components(run):
                names[ref_name.rpartition("::")[2]] = None
                if _is(ref_name, name):
                    found[kind, ref_name] = self.registry.get(kind, ref_name)
        if not found:
            raise SpecError(
                f"--space: no row has a component '{name}': {did_you_mean(name, names)}"
            )
        params = [
            (component, each)
            for component in found.values()
            for each in component.params
            if each.name == param
        ]
        if not params:
            known = [each.name for component in found.values() for each in component.params]
            hint = did_you_mean(param, known) if known else "it takes no parameters"
            owner = next(iter(found.values())).owner
            raise SpecError(f"--space: {owner} has no parameter '{param}': {hint}")
        if len(params) > 1:
            owners = " and ".join(component.owner for component, _ in params)
            raise SpecError(f"--space: '{key}' is a parameter of {owners}: tune one suite for each")
        return params[0][1]

    def axes_of(self, cell: Cell, axes: Sequence[Axis]) -> tuple[Axis, ...]:
        """The axes of a row, with the keys of its runs: `loss.margin`.

        Raises:
            SpecError: nothing is left for it to search, or its spec sets what is searched.
        """
        found = [
            replace(axis, keys=keys)
            for axis in axes
            if (keys := tuple(own for key in axis.keys for own in self._own(cell, key)))
        ]
        if not found:
            raise SpecError(
                f"--space names nothing that {cell.label} has: leave the row out, or add a key of "
                "every row, such as lr"
            )
        run = self.runs[cell]
        for key in (key for axis in found for key in axis.keys if "." in key):
            refs = {slot.field: ref for slot, ref in run.components()}
            place, _, param = key.partition(".")
            value = next(refs[field].params[param] for field in run.fields_of(place))
            with_values(refs, {key: value}, type(run), self.registry)
        return tuple(found)

    def _own(self, cell: Cell, key: str) -> Iterator[str]:
        if ":" not in key:
            yield key
            return
        name, _, param = key.rpartition(":")
        run = self.runs[cell]
        has: set[str] = set()
        for place, fields in self.places.items():
            refs = [getattr(run, field) for field in fields]
            fits = all(
                ref is not None and _is(ref.name, name) and param in ref.params for ref in refs
            )
            if fits and not has.issuperset(fields):
                has.update(fields)
                yield f"{place}.{param}"

    def _components(self, run: RunBase) -> Iterator[tuple[str, str]]:
        fields = {field for fields in self.places.values() for field in fields}
        for slot, ref in run.components():
            if slot.field in fields:
                yield slot.kind, ref.name


def _is(ref_name: str, name: str) -> bool:
    """Whether a component has a name, which may leave its distribution out."""
    return name in (ref_name, ref_name.rpartition("::")[2])
