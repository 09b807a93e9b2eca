"""How good each row is while a baseline trains, how much sooner it arrives, and what its time was
spent on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.plugin.errors import SpecError
from vsebench.report.rows.combinations import target_of, values_of
from vsebench.report.rows.evidence import RISING, no_evidence
from vsebench.report.rows.progress import SHARE
from vsebench.report.speed.learning_curve import arrivals, clock_of, learning_curve
from vsebench.report.statistics.estimates import estimated
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vsebench.report.rows.combinations import Target
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.report.speed.learning_curve import Arrival, LearningCurve, Unit
    from vsebench.report.statistics.means import Interval

    Goal = Callable[[LearningCurve], float]

Over = Literal["updates", "seconds"]
OVER: tuple[Over, ...] = ("updates", "seconds")

LEVELS = (0.8, 0.9, 0.95, 0.99)
"""The shares of the baseline's best at which arrivals are read: curves cross, so that one share
alone would choose the winner.
"""


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
        arrived: those in which the row arrived; in the others its end counts, or the baseline's
            time if that is later.
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
    def clock(self) -> Unit:
        """The unit of its seconds."""
        return "cpu seconds" if self.cpu else "seconds"

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

    Pairs are runs of one seed, which see the same items in the same order. None is left out: see
    `arrivals` for runs that never arrive. Of rows that were tuned in several studies, intervals are
    over studies.

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
        clock_of(run for run in section.runs if run.done) == "cpu seconds",
        (),
        level,
    )
    goals = dict.fromkeys(table.shares, best if quality is None else quality)
    base = _Row.of(rows.get(target.baseline, ()), table)
    made = [_Row.of(runs, table).against(base, key, goals) for key, runs in rows.items()]
    return replace(table, rows=tuple(made))


@dataclass(frozen=True)
class _Row:
    """The finished runs of a row with their curves.

    Attributes:
        runs: all its runs.
        curves: curve by what is counted and seed.
        studies: the search that tuned it, by seed.
        table: what they are compared in.
    """

    runs: Sequence[Run]
    curves: Mapping[Over, Mapping[int, LearningCurve]]
    studies: Mapping[int, int]
    table: SpeedTable

    @classmethod
    def of(cls, runs: Sequence[Run], table: SpeedTable) -> _Row:
        units: dict[Over, Unit] = {"updates": "steps", "seconds": table.clock}
        done = {run.record.spec.seed: run for run in runs if run.done and run.curve}
        curves = {
            over: {seed: learning_curve(run, unit) for seed, run in done.items()}
            for over, unit in units.items()
        }
        return cls(runs, curves, {seed: run.study for seed, run in done.items()}, table)

    def against(
        self, base: _Row, key: tuple[str, str], goals: Mapping[float, float | None]
    ) -> SpeedRow:
        """The row beside the baseline."""
        reasons = no_evidence(self.runs)
        converged = RISING not in (*reasons, *no_evidence(base.runs))
        goal = self.table.target.quality
        done = [run for run in self.runs if run.done]
        arrived = [run.after_cut(goal) for run in done] if goal is not None else []
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
        cap = fmean(curve.end for curve in theirs.values())
        if cap <= 0:
            return None
        areas = {seed: curve.area(cap) for seed, curve in ours.items()}
        differences = {
            seed: areas[seed] - theirs[seed].area(cap) for seed in ours.keys() & theirs.keys()
        }
        none = not differences or key == self.table.target.baseline
        return Area(
            self._over_seeds(self, areas).mean,
            None if none else self._over_seeds(base, differences),
        )

    def _over_seeds(self, base: _Row, values: Mapping[int, float]) -> Interval:
        """Mean of what pairs of one seed came to, with its interval."""
        seeds = sorted(values)
        studies = [(self.studies[seed], base.studies[seed]) for seed in seeds]
        found = estimated([values[seed] for seed in seeds], None, studies)
        return found.interval(self.table.level)

    def _sooner(self, base: _Row, over: Over, goal: Goal) -> Sooner | None:
        seeds = sorted(self.curves[over].keys() & base.curves[over].keys())
        if not seeds:
            return None
        pairs = [(self.curves[over][seed], base.curves[over][seed]) for seed in seeds]
        met = [arrivals(*pair, (goal(pair[0]), goal(pair[1]))) for pair in pairs]
        if any(min(ours.cost, theirs.cost) <= 0 for ours, theirs in met):
            return None  # a run that learns nothing is at its own best from the start
        found = self._over_seeds(
            base,
            {
                seed: math.log(theirs.cost / ours.cost)
                for seed, (ours, theirs) in zip(seeds, met, strict=True)
            },
        )
        spacing = math.fsum(
            _spacing(curve, arrival)
            for pair, both in zip(pairs, met, strict=True)
            for curve, arrival in zip(pair, both, strict=True)
        )
        reach = math.inf if found.low is None or found.high is None else found.high - found.low
        return Sooner(
            math.exp(found.mean),
            None if found.low is None else math.exp(found.low),
            None if found.high is None else math.exp(found.high),
            len(seeds),
            sum(ours.there for ours, _ in met),
            sum(theirs.there for _, theirs in met),
            spacing / len(seeds) > reach,
        )


def _spacing(curve: LearningCurve, arrival: Arrival) -> float:
    """Logarithm of the ratio of the two evaluations between which a run arrived; infinite where it
    arrived before the first, 0 where it never did.
    """
    if not arrival.there:
        return 0.0
    at = arrival.cost
    before = max(cost for cost in curve.cost if cost < at or cost == curve.cost[0])
    after = min(cost for cost in curve.cost if cost >= at)
    return math.log(after / before) if before > 0 else math.inf


def _share(quality: float) -> Goal:
    return lambda _: quality


def _own(curve: LearningCurve) -> float:
    return SHARE * curve.best


def _parts(done: Sequence[Run]) -> dict[str, float]:
    costs = [run.record.cost for run in done if run.record.cost is not None]
    if not costs:
        return {}
    names = done[0].task.parts
    return {
        name: sum(getattr(cost, f"{name}_seconds") for cost in costs) / len(costs) for name in names
    }
