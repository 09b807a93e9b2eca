"""The runs of a trial: those of a row with other values, after what they depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.grid.component_values import of_protocol, with_content, with_values
from vsebench.grid.protocols import resolve_protocol
from vsebench.grid.tuning.component_axes import Parameters
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.keys import Key
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vsebench.grid.plan import Plan
    from vsebench.grid.tuning.space import Point
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.run_base import Cell, RunBase
    from vsebench.results.tasks import Task, Tunable


@dataclass(frozen=True)
class Rows:
    """The rows of a suite, and how their runs are made with other values.

    Attributes:
        task: task of the suite.
        tunable: what may differ between its rows.
        by_id: the suite's runs of one seed, each after those that it depends on.
        support: ids of those that only serve others.
        changes: protocol keys that the suite sets.
        registry: where the components are registered.
    """

    task: Task
    tunable: Tunable
    by_id: Mapping[str, RunBase]
    support: frozenset[str]
    changes: Mapping[str, Scalar]
    registry: Registry

    @classmethod
    def of(cls, plan: Plan, tunable: Tunable, changes: Mapping[str, Scalar]) -> Rows:
        """The rows of a plan of one seed."""
        return cls(
            task_of(plan.runs[0]),
            tunable,
            {run.run_id: run for run in plan.runs},
            plan.support,
            changes,
            load_plugins(plan.plugin_files).registry,
        )

    @property
    def cells(self) -> dict[Cell, RunBase]:
        """The run of each row."""
        asked = (run for run_id, run in self.by_id.items() if run_id not in self.support)
        return {run.cell: run for run in asked}

    @property
    def parameters(self) -> Parameters:
        """The parameters of components that can be searched."""
        places = {place: self.task.spec.fields_of(place) for place in self.tunable.components}
        return Parameters(self.cells, places, self.registry)

    def search_key(self, cell: Cell, seed: int, study: int) -> Key:
        """What names the points of a row: the data set and the row's family, so that rows share
        neither luck nor gaps, except where sharing is meant.

        A family is the names of the components without their parameters: settings of one component
        are compared at equal points. A row that needs a first round is of the family of that round,
        whose trials at the same points are then the same runs, made once.
        """
        run = self.cells[cell]
        while run.depends_on:
            run = self.by_id[run.depends_on[0]]
        names = [
            ref.name.rpartition("::")[2]
            for slot, ref in run.components()
            if not slot.held_equal and slot.kind != "dataset"
        ]
        return Key(seed, "search", cell.dataset, *names, study)

    def trial(self, cell: Cell, point: Point, share: float, seed: int) -> tuple[RunBase, ...]:
        """The run of a row at a point, after those that it depends on.

        Args:
            cell: the row.
            point: values by key.
            share: share of the whole schedule.
            seed: seed of the runs.

        Raises:
            SpecError: a value is not allowed.
        """
        return tuple(self._made(self.cells[cell], point, share, seed))

    def _made(self, run: RunBase, point: Point, share: float, seed: int) -> Iterator[RunBase]:
        needed = []
        # a first round has another loss, and no sampler
        common = {k: v for k, v in point.items() if k.partition(".")[0] not in ("loss", "sampler")}
        for run_id in run.depends_on:
            first = tuple(self._made(self.by_id[run_id], common, share, seed))
            yield from first
            needed.append(first[-1].run_id)
        protocol, changes = self._protocol(run, of_protocol(point), share)
        components = self._components(run, point)
        held = {slot.field for slot in run.slots() if slot.held_equal}
        named = {field: ref.spec for field, ref in components.items() if field in held}
        yield run.model_copy(
            update={
                "protocol": protocol.model_copy(update=named),
                "protocol_changes": changes,
                "seed": seed,
                "depends_on": tuple(needed),
                **components,
            }
        )

    def _components(self, run: RunBase, point: Point) -> dict[str, ComponentRef]:
        """The components of which parameters are searched, by field."""
        kinds = {slot.field: slot.kind for slot, _ in run.components()}
        held = {slot.field: ref for slot, ref in run.components()}
        found = with_values(held, point, type(run), self.registry)
        return {
            field: with_content(kinds[field], ref, self.registry)
            for field, ref in found.items()
            if ref is not held[field]
        }

    def _protocol(
        self, run: RunBase, point: Point, share: float
    ) -> tuple[RunBase, dict[str, Scalar]]:
        given = {**self.changes, **point}
        name = run.protocol.name
        whole, changes = resolve_protocol(self.task, name, given, self.registry)
        shorter = self.tunable.shortened(whole, share) if share < 1 else {}
        if not shorter:
            return whole, changes
        return resolve_protocol(self.task, name, {**given, **shorter}, self.registry)
