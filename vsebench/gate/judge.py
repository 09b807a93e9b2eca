"""New runs of rows whose numbers changed, look by look, against the reference of a baseline."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from vsebench.gate.baseline import Reference, rows_of, tuned_of
from vsebench.gate.fingerprint import row_of
from vsebench.gate.sequential import design_for
from vsebench.grid.run import run_plan
from vsebench.plugin.errors import DataError, VsebenchError
from vsebench.results.folder.store import Store
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vsebench.gate.fingerprint import Watch
    from vsebench.gate.sequential import Design
    from vsebench.grid.plan import Plan

    Planned = Callable[[Sequence[int]], Plan]
    """The plan of the suite with other seeds."""

Verdict = Literal["worse", "no worse", "not found worse", "failed"]

FEWEST = 5
"""Runs of a reference: fewer give no deviation to judge by."""


@dataclass(frozen=True)
class Judged:
    """What new runs say of a row.

    Attributes:
        row: name of the row.
        reference: runs before.
        values: the headline metric of the new runs by seed.
        critical: critical value of the last look.
        margin: loss that the gate looks for.
        verdict: worse: the interval lies below 0. no worse: it lies above −margin. not found worse:
            neither, after the last look. failed: a run failed.
        error: why a run failed, in one line.
    """

    row: str
    reference: Reference
    values: Mapping[int, float]
    critical: float
    margin: float
    verdict: Verdict
    error: str = ""

    @property
    def difference(self) -> float:
        """Mean of the new runs minus that of the reference; NaN without runs."""
        if not self.values:
            return math.nan
        return statistics.fmean(self.values.values()) - self.reference.mean

    @property
    def half_width(self) -> float:
        """Of the repeated confidence interval of the difference."""
        if not self.values:
            return math.nan
        share = 1 / len(self.values) + 1 / len(self.reference.values)
        return self.critical * self.reference.deviation * math.sqrt(share)

    @property
    def passed(self) -> bool:
        return self.verdict in ("no worse", "not found worse")


@dataclass
class _Row:
    """A row while it is looked at."""

    reference: Reference
    values: dict[int, float] = field(default_factory=dict)
    judged: Judged | None = None


def look(
    references: Mapping[str, Reference],
    planned: Planned,
    watch: Watch,
    margin: float,
) -> tuple[Design, list[Judged]]:
    """Judges rows by new runs, whose seeds follow those of the reference.

    Args:
        references: runs of each row that is judged; at least one.
        planned: makes the plan of the suite with certain seeds.
        watch: shows the progress of a plan.
        margin: loss of the headline metric that must be found.

    Returns:
        The design, and what is said of each row.
    """
    fewest = min(len(each.values) for each in references.values())
    spread = max(each.deviation for each in references.values())
    design = design_for(fewest, len(references), margin / spread)
    first = 1 + max(seed for each in references.values() for seed in each.values)
    rows = {row: _Row(each) for row, each in references.items()}
    for number, critical in enumerate(design.critical):
        seeds = range(first + number * design.per_look, first + (number + 1) * design.per_look)
        going = {row: held for row, held in rows.items() if held.judged is None}
        if not going:
            break
        found, errors = run_rows(planned(tuple(seeds)), going, watch)
        last = number == design.looks - 1
        for row, held in going.items():
            held.values |= found.get(row, {})
            judged = Judged(
                row,
                held.reference,
                dict(held.values),
                float(critical),
                margin,
                "failed",
                errors.get(row, ""),
            )
            held.judged = _verdict(judged, last)
    return design, [held.judged for held in rows.values() if held.judged is not None]


def _verdict(judged: Judged, last: bool) -> Judged | None:
    """What a look says; None where another is needed."""
    if judged.error:
        return judged
    if judged.difference + judged.half_width < 0:
        return replace(judged, verdict="worse")
    if judged.difference - judged.half_width > -judged.margin:
        return replace(judged, verdict="no worse")
    return replace(judged, verdict="not found worse") if last else None


def run_rows(
    planned: Plan, rows: Collection[str], watch: Watch
) -> tuple[dict[str, dict[int, float]], dict[str, str]]:
    """Runs some rows of a plan.

    Returns:
        The headline metric by row and seed, and why a row failed, by row.
    """
    runs = tuple(
        run for run in planned.runs if run.run_id in planned.support or row_of(run) in rows
    )
    some = replace(planned, runs=runs)
    with watch(some) as report:
        run_plan(some, reporter=report)
    store, found, errors = Store(planned.out), {row: {} for row in rows}, {}  # type: ignore[var-annotated]  # as returned
    for run in runs:
        if run.run_id in planned.support:
            continue
        left = store.find(run.run_id)
        record = left.read_record() if left is not None else None
        if record is not None and record.status == "done":
            found[row_of(run)][run.seed] = record.test[task_of(run).headline.key]
        else:
            said = (record.error if record and record.error else "no record").strip()
            errors[row_of(run)] = f"seed {run.seed}: {said.splitlines()[-1]}"
    return found, errors


def measure_reference(planned: Plan, watch: Watch) -> dict[str, Reference]:
    """The reference of every row of a plan.

    Raises:
        VsebenchError: a run failed.
        DataError: all runs of a row are equal, so that they tell nothing of noise.
    """
    rows = rows_of(planned)
    found, errors = run_rows(planned, rows, watch)
    if errors:
        row, said = next(iter(errors.items()))
        raise VsebenchError(f"no reference of row '{row}', {said}")
    for row, values in found.items():
        if len(set(values.values())) == 1:
            raise DataError(
                f"row '{row}' gives {next(iter(values.values())):g} with every seed: the suite's "
                "runs are too small to judge by"
            )
    return {row: Reference(tuned=tuned_of(rows[row]), values=found[row]) for row in rows}
