"""The gate itself: a fingerprint first, and runs where it changed or cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from vsebench.gate.baseline import Baseline, conditions_of, rows_of
from vsebench.gate.fingerprint import in_common, not_covered, take
from vsebench.gate.judge import FEWEST, look, measure_reference
from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.results.provenance import loaded_commit
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vsebench.gate.fingerprint import Fingerprint, Watch
    from vsebench.gate.judge import Judged
    from vsebench.gate.sequential import Design
    from vsebench.grid.plan import Plan
    from vsebench.grid.suite import Suite
    from vsebench.plugin.metrics import Metric

Outcome = Literal["passed", "failed", "nothing compared"]


@dataclass(frozen=True)
class Found:
    """What a gate found.

    Attributes:
        now: fingerprint of the code as it is.
        comparable: whether the baseline has a fingerprint of this machine.
        changes: rows that differ, each with since when, or `new`; empty where not comparable.
        common: components that explain the changes.
        replaced: components of the protocol that no fingerprint covers.
        metric: headline metric of the suite's task.
        design: looks at new runs; None where none were made.
        judged: what they say.
        unjudged: rows that changed, or cannot be compared, and have no reference.
    """

    now: Fingerprint
    comparable: bool
    changes: dict[str, str]
    common: list[str]
    replaced: list[str]
    metric: Metric
    design: Design | None = None
    judged: list[Judged] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def broken(self) -> dict[str, str]:
        """Rows whose run failed where the fingerprint was taken, with the reason."""
        return {row: trace.error for row, trace in self.now.rows.items() if trace.error}

    @property
    def outcome(self) -> Outcome:
        if self.broken or not all(each.passed for each in self.judged):
            return "failed"
        if self.unjudged:
            return "failed" if self.comparable else "nothing compared"
        return "passed"


@dataclass(frozen=True)
class Gate:
    """A suite at the gate.

    Attributes:
        suite: what is run.
        out: folder of the runs that judge, which holds none yet.
        watch: shows the progress of a plan.
        say: told, in a line, of what begins.
    """

    suite: Suite
    out: Path
    watch: Watch
    say: Callable[[str], None]

    def planned(self, seeds: Sequence[int]) -> Plan:
        """The plan of the suite with other seeds."""
        from vsebench.grid.plan import plan

        changed = self.suite.model_copy(update={"seeds": tuple(seeds), "out": str(self.out)})
        return plan(changed)

    def against(self, baseline: Baseline, where: Path, margin: float | None) -> Found:
        """Takes a fingerprint, and judges by runs the rows that changed.

        Args:
            baseline: what is compared with.
            where: its file, as errors name it.
            margin: loss that must be found; the baseline's when None, and one and a half times the
                headline's own where that has none.

        Raises:
            SpecError: the baseline is of another suite.
        """
        planned = self.planned((0,))
        baseline.check(planned, where)
        self.say("taking the fingerprint")
        now = take(self.suite, planned, self.watch)
        before, rows = baseline.on(now.machine), rows_of(planned)
        changes = {} if before is None else before.changes(now)
        known = [row for row in rows if row in baseline.rows]
        differ = known if before is None else [row for row in changes if row in known]
        found = Found(
            now,
            before is not None,
            changes,
            in_common(rows, [row for row in changes if changes[row] != "new"]),
            not_covered(self.suite, planned),
            task_of(planned.runs[0]).headline,
        )
        differ = [row for row in differ if row not in found.broken]
        asked = {row: baseline.reference[row] for row in differ if row in baseline.reference}
        found = replace(found, unjudged=[row for row in differ if row not in asked])
        if not asked or found.broken:
            return found
        self.say(f"judging {', '.join(asked)} by new runs")
        loss = margin or baseline.margin or 1.5 * found.metric.margin
        design, judged = look(asked, self.planned, self.watch, loss)
        return replace(found, design=design, judged=judged)

    def baseline(self, runs: int, margin: float | None = None) -> Baseline:
        """A baseline of the code as it is.

        Args:
            runs: number of reference runs of each row, or 0.
            margin: loss that comparisons with it look for, unless told.

        Raises:
            VsebenchError: a row cannot be run.
        """
        if 0 < runs < FEWEST:
            raise SpecError(
                f"--reference {runs} is too few to judge by: at least {FEWEST}, or 0 for a "
                "fingerprint alone"
            )
        planned = self.planned(range(max(runs, 1)))
        self.say("taking the fingerprint")
        now = take(self.suite, planned, self.watch)
        for row, trace in now.rows.items():
            if trace.error:
                raise VsebenchError(f"no baseline: row '{row}' fails: {trace.error}")
        conditions = conditions_of(planned)
        if runs:
            self.say(f"measuring the reference, {runs} runs of each of {len(now.rows)} rows")
        reference = measure_reference(planned, self.watch) if runs else {}
        return Baseline(
            commit=loaded_commit(),
            conditions=conditions,
            margin=margin,
            fingerprints=(now,),
            reference=reference,
        )
