"""How good each row is while a baseline trains, how much sooner it arrives, and what its time was
spent on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.plugin.errors import SpecError
from vsebench.report.convergence import SHARE
from vsebench.report.evidence import RISING, no_evidence
from vsebench.report.learning_curve import has_cpu_seconds, learning_curve
from vsebench.report.rows import target_of, values_of
from vsebench.report.statistics import LEVEL, Interval, t_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vsebench.report.evidence import Reason
    from vsebench.report.learning_curve import LearningCurve, Unit
    from vsebench.report.rows import Target
    from vsebench.report.runs import Run
    from vsebench.report.sections import Section
    from vsebench.results.record import Evaluation

    Goal = Callable[[LearningCurve], float]

Over = Literal["updates", "seconds"]
OVER: tuple[Over, ...] = ("updates", "seconds")

LEVELS = (0.8, 0.9, 0.95, 0.99)
"""The shares of the baseline's best at which arrivals are read: curves cross, so that one share
alone would choose the winner.
"""

CUT = 0.6
"""A learning rate that falls below this share of the last one was cut."""


@dataclass(frozen=True)
class Area:
    """Quality while the baseline trains.

    Attributes:
        mean: mean dev quality over the baseline's budget, mean over seeds.
        difference: row minus baseline, paired by seed; None of the baseline and without a common
            seed.
    """

    mean: float
    difference: Interval | None


class Sooner(NamedTuple):
    """How many times sooner than the baseline a row arrives somewhere.

    Attributes:
        times: geometric mean over seeds of the baseline's time over the row's.
        low: lower end of Student's interval of the logarithms; None of one seed.
        high: upper end.
        pairs: seeds that both have.
        arrived: those in which the row arrived; in the others its end counts.
        base_arrived: those in which the baseline did.
        coarse: whether evaluations lie further apart than the interval reaches.
    """

    times: float
    low: float | None
    high: float | None
    pairs: int
    arrived: int
    base_arrived: int
    coarse: bool


@dataclass(frozen=True)
class SpeedRow:
    """A row of the tables.

    Attributes:
        combination: the components that it compares.
        tuned: its values of what was tuned for some row of the table.
        seeds: finished runs.
        failed: runs that did not finish; they are in no figure.
        area: quality while the baseline trains, by what is counted; None without a finished run of
            either.
        sooner: arrivals at the shares of the target, by what is counted; None without a common
            seed or a target.
        own: arrival at 95 % of each run's own best, as the papers time convergence; None
            where this row or the baseline had not converged.
        after_cut: runs that arrived at the target at the first evaluation after a cut of the rate.
        arrived: runs that arrived at the target.
        parts: mean seconds of a whole run by what they were spent on; empty where no run says.
        no_evidence: why the row is no evidence; empty where it is.
    """

    combination: tuple[str, str]
    tuned: Mapping[str, object]
    seeds: int
    failed: int
    area: Mapping[Over, Area | None]
    sooner: Mapping[Over, Mapping[float, Sooner | None]]
    own: Mapping[Over, Sooner | None]
    after_cut: int
    arrived: int
    parts: Mapping[str, float]
    no_evidence: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class SpeedTable:
    """The rows of a section against one baseline.

    Attributes:
        section: runs made under equal conditions.
        target: the quality of which shares are timed.
        fixed: whether the target was given, not read from these runs.
        cpu: whether seconds are CPU seconds; wall seconds where a run does not say.
        rows: the rows.
        level: level of the intervals.
    """

    section: Section
    target: Target
    fixed: bool
    cpu: bool
    rows: tuple[SpeedRow, ...]
    level: float = LEVEL

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the target that are timed."""
        return (1.0,) if self.fixed else LEVELS


def speed_table(
    section: Section,
    baseline: tuple[str, str] | None = None,
    level: float = LEVEL,
    quality: float | None = None,
) -> SpeedTable:
    """Times every row of a section against a baseline.

    Pairs are runs of one seed, which see the same items in the same order. A run that never arrives
    counts as if it had at its end: its time is restricted to its budget, so that a row which misses
    looks no better than its whole budget, and none is left out.

    Args:
        section: runs made under equal conditions.
        baseline: the row to time against; by default the first with a finished run.
        level: level of the intervals.
        quality: dev quality to time the arrival at, fixed before the runs; by default shares of the
            baseline's best, mean over its seeds.

    Raises:
        SpecError: the runs trained for no epoch.
    """
    if section.runs[0].record.spec.protocol.epochs == 0:
        raise SpecError(
            f"the runs on {section.dataset} have epochs=0: nothing was trained, so that none can "
            "arrive sooner"
        )
    rows = section.rows
    target = target_of(rows, baseline)
    best = target.quality / SHARE if target.quality else None
    table = SpeedTable(
        section,
        target if quality is None else replace(target, quality=quality),
        quality is not None,
        all(has_cpu_seconds(run) for run in section.runs if run.done),
        (),
        level,
    )
    goals = dict.fromkeys(table.shares, best if quality is None else quality)
    base = _Row.of(rows.get(target.baseline, ()), table)
    made = [_Row.of(runs, table).against(base, key, goals) for key, runs in rows.items()]
    return SpeedTable(table.section, table.target, table.fixed, table.cpu, tuple(made), level)


@dataclass(frozen=True)
class _Row:
    """The finished runs of a row with their curves.

    Attributes:
        runs: all its runs.
        curves: curve by what is counted and seed.
        table: what they are compared in.
    """

    runs: Sequence[Run]
    curves: Mapping[Over, Mapping[int, LearningCurve]]
    table: SpeedTable

    @classmethod
    def of(cls, runs: Sequence[Run], table: SpeedTable) -> _Row:
        units: dict[Over, Unit] = {
            "updates": "steps",
            "seconds": "cpu seconds" if table.cpu else "seconds",
        }
        curves = {
            over: {
                run.record.spec.seed: learning_curve(run, unit)
                for run in runs
                if run.done and run.curve
            }
            for over, unit in units.items()
        }
        return cls(runs, curves, table)

    def against(
        self, base: _Row, key: tuple[str, str], goals: Mapping[float, float | None]
    ) -> SpeedRow:
        """The row beside the baseline."""
        reasons = no_evidence(self.runs)
        converged = RISING not in (*reasons, *no_evidence(base.runs))
        goal = self.table.target.quality
        done = [run for run in self.runs if run.done]
        arrived = [_after_cut(run, goal) for run in done] if goal is not None else []
        return SpeedRow(
            key,
            values_of(self.runs, self.table.section.tuned),
            len(done),
            len(self.runs) - len(done),
            {over: self._area(base, over, key) for over in OVER},
            {
                over: {
                    share: None if best is None else self._sooner(base, over, _share(share * best))
                    for share, best in goals.items()
                }
                for over in OVER
            },
            {over: self._sooner(base, over, _own) if converged else None for over in OVER},
            sum(found is True for found in arrived),
            sum(found is not None for found in arrived),
            _parts(done),
            reasons,
        )

    def _area(self, base: _Row, over: Over, key: tuple[str, str]) -> Area | None:
        ours, theirs = self.curves[over], base.curves[over]
        if not ours or not theirs:
            return None
        cap = math.fsum(curve.end for curve in theirs.values()) / len(theirs)
        if cap <= 0:
            return None
        areas = {seed: curve.area(cap) for seed, curve in ours.items()}
        differences = [
            areas[seed] - theirs[seed].area(cap) for seed in sorted(ours.keys() & theirs.keys())
        ]
        none = not differences or key == self.table.target.baseline
        return Area(
            math.fsum(areas.values()) / len(areas),
            None if none else t_interval(differences, self.table.level),
        )

    def _sooner(self, base: _Row, over: Over, goal: Goal) -> Sooner | None:
        seeds = sorted(self.curves[over].keys() & base.curves[over].keys())
        if not seeds:
            return None
        pairs = [(self.curves[over][seed], base.curves[over][seed]) for seed in seeds]
        arrivals = [(_arrive(ours, goal), _arrive(theirs, goal)) for ours, theirs in pairs]
        if any(min(ours.time, theirs.time) <= 0 for ours, theirs in arrivals):
            return None  # a run that learns nothing is at its own best from the start
        found = t_interval(
            [math.log(theirs.time / ours.time) for ours, theirs in arrivals], self.table.level
        )
        spacing = math.fsum(ours.spacing + theirs.spacing for ours, theirs in arrivals)
        reach = math.inf if found.low is None or found.high is None else found.high - found.low
        return Sooner(
            math.exp(found.mean),
            None if found.low is None else math.exp(found.low),
            None if found.high is None else math.exp(found.high),
            len(seeds),
            sum(ours.there for ours, _ in arrivals),
            sum(theirs.there for _, theirs in arrivals),
            spacing / len(seeds) > reach,
        )


class _Arrival(NamedTuple):
    """When a run arrived.

    Attributes:
        time: cost at its arrival, of the whole run where it never did.
        there: whether it did.
        spacing: logarithm of the ratio of the two evaluations between which it lies; infinite where
            it lies before the first.
    """

    time: float
    there: bool
    spacing: float


def _arrive(curve: LearningCurve, goal: Goal) -> _Arrival:
    found = curve.arrival(goal(curve))
    if found is None:
        return _Arrival(curve.end, False, 0.0)
    before = max(cost for cost in curve.cost if cost < found or cost == curve.cost[0])
    after = min(cost for cost in curve.cost if cost >= found)
    return _Arrival(found, True, math.log(after / before) if before > 0 else math.inf)


def _share(quality: float) -> Goal:
    return lambda _: quality


def _own(curve: LearningCurve) -> float:
    return SHARE * curve.best


def _after_cut(run: Run, quality: float) -> bool | None:
    """Whether a run arrived at the first evaluation after a cut of its rate; None where it never
    arrived.
    """
    key = run.task.headline.key
    before: Evaluation | None = None
    for evaluation in run.curve:
        if evaluation.metrics[key] >= quality:
            return before is not None and evaluation.lr < CUT * before.lr
        before = evaluation
    return None


def _parts(done: Sequence[Run]) -> dict[str, float]:
    costs = [run.record.cost for run in done if run.record.cost is not None]
    if not costs:
        return {}
    names = done[0].task.parts
    return {
        name: sum(getattr(cost, f"{name}_seconds") for cost in costs) / len(costs) for name in names
    }
