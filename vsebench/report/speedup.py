"""How much faster each row arrives than a baseline, as ratios of waiting times, paired by seed, of
which some are only bounded; and what its time was spent on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.report.convergence import (
    UNITS,
    Arrival,
    MeanArrival,
    arrive,
    arrive_own,
    mean_arrival,
)
from vsebench.report.evidence import no_evidence
from vsebench.report.rows import combinations_of, target_of
from vsebench.report.statistics import LEVEL, t_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.report.convergence import Unit
    from vsebench.report.evidence import Reason
    from vsebench.report.rows import Target
    from vsebench.report.runs import Run
    from vsebench.report.sections import Section

Statistic = Literal["geometric mean", "median"]


class Bounds(NamedTuple):
    """Where the logarithm of a ratio lies; equal ends where it is known, infinite ones where a side
    is open.
    """

    low: float
    high: float


class LogRatio(NamedTuple):
    """The logarithm of a ratio of two waiting times.

    Attributes:
        read: log-ratio read at the evaluations at which the runs arrived; open where one never did.
        true: what it can be, as a run arrives somewhere between two evaluations.
    """

    read: Bounds
    true: Bounds


@dataclass(frozen=True)
class Ratio:
    """How many times faster, over seeds.

    Attributes:
        statistic: the geometric mean where every ratio is known; otherwise the median, which a few
            unknown ones cannot move.
        low: lower bound of the statistic; equal to `high` where it is known, 0 where nothing bounds
            it from below.
        high: upper bound of the statistic; infinite where nothing bounds it from above.
        interval: Student's over the logarithms, or for the median that of order
            statistics, which needs some seeds; each end is that of the bounds that the evaluations
            leave. Its ends may be 0 and infinite.
        pairs: seeds that both have.
        known: number of these where both arrived.
    """

    statistic: Statistic
    low: float
    high: float
    interval: tuple[float, float] | None
    pairs: int
    known: int


def log_ratio(baseline: Arrival, other: Arrival, unit: Unit) -> LogRatio:
    """The logarithm of the baseline's waiting time over the other's: above 0 where the other is
    faster.

    Where one had not arrived at its end, its time is at least that: the ratio is bounded on one
    side.
    """
    ratio = _log(baseline.value(unit)) - _log(other.value(unit))
    return LogRatio(
        Bounds(ratio if other.reached else -math.inf, ratio if baseline.reached else math.inf),
        Bounds(
            _log(baseline.least(unit)) - _log(other.most(unit)),
            _log(baseline.most(unit)) - _log(other.least(unit)),
        ),
    )


def over_seeds(ratios: Sequence[LogRatio], level: float = LEVEL) -> Ratio | None:
    """The ratios of all seeds as one, with an interval of that level; None of none."""
    if not ratios:
        return None
    reads, truths = [ratio.read for ratio in ratios], [ratio.true for ratio in ratios]
    known = sum(low == high for low, high in reads)
    if known == len(ratios):
        mean = _exp(t_interval([low for low, _ in reads]).mean)
        return Ratio(
            "geometric mean", mean, mean, _mean_interval(truths, level), len(ratios), known
        )
    low, high = (_exp(median(ends)) for ends in zip(*reads, strict=True))
    return Ratio("median", low, high, _median_interval(truths, level), len(ratios), known)


def _mean_interval(truths: Sequence[Bounds], level: float) -> tuple[float, float] | None:
    """From the lower end of Student's interval of the least ratios to the upper end of that of
    the largest ones.
    """
    if len(truths) == 1:
        return None
    lows, highs = zip(*truths, strict=True)
    low = -math.inf if -math.inf in lows else t_interval(lows, level).low
    high = math.inf if math.inf in highs else t_interval(highs, level).high
    return None if low is None or high is None else (_exp(low), _exp(high))


def _median_interval(truths: Sequence[Bounds], level: float) -> tuple[float, float] | None:
    """The distribution-free interval of a median: from the k-th smallest to the k-th largest
    value, as each is above the median with chance 1/2.

    An order statistic never falls when a value rises, so the k-th smallest lower bound is below the
    k-th smallest value. Of few seeds even the smallest and the largest hold the median less often
    than the level asks.
    """
    k = _order(len(truths), level)
    lows, highs = (sorted(ends) for ends in zip(*truths, strict=True))
    return (_exp(lows[k - 1]), _exp(highs[-k])) if k > 0 else None


def least_seeds(level: float) -> int:
    """How many seeds the interval of a median needs at least."""
    return next(n for n in count(1) if _order(n, level) > 0)


def _order(n: int, level: float) -> int:
    """Which order statistics of n values, from below and from above, hold the median at a level; 0
    where none do.
    """
    from scipy.stats import binom

    return int(binom.ppf((1 - level) / 2, n, 0.5))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.inf if value == math.inf else math.exp(value)


@dataclass(frozen=True)
class To:
    """How soon a row arrives somewhere, against the baseline.

    Attributes:
        mean: mean over its seeds; None where it has no finished run.
        faster: how many times faster than the baseline, by unit; None without a common seed.
        at_once: how many of its runs arrived by their first evaluation.
    """

    mean: MeanArrival | None
    faster: Mapping[Unit, Ratio | None]
    at_once: int = 0


@dataclass(frozen=True)
class SpeedRow:
    """A row of the table.

    Attributes:
        combination: the components that it compares.
        tuned: keys of the protocol that were tuned for it, with their values.
        seeds: finished runs.
        failed: runs that did not finish; they are in no figure.
        target: arrival at the quality that the baseline sets.
        own: arrival at 95 % of each run's own best, as the papers time convergence; the baseline's
            at 95 % of its own.
        parts: mean seconds of a whole run by what they were spent on; empty where no run says.
        no_evidence: why the row is no evidence; empty where it is.
    """

    combination: tuple[str, str]
    tuned: Mapping[str, object]
    seeds: int
    failed: int
    target: To
    own: To
    parts: Mapping[str, float]
    no_evidence: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class SpeedTable:
    """The rows of a section against one baseline, with the level of their intervals."""

    section: Section
    target: Target
    rows: tuple[SpeedRow, ...]
    level: float = LEVEL


def speed_table(
    section: Section, baseline: tuple[str, str] | None = None, level: float = LEVEL
) -> SpeedTable:
    """Times every row of a section against a baseline.

    Ratios are of runs of one seed, which see the same pairs in the same order.

    Args:
        section: runs made under equal conditions.
        baseline: the row to time against; by default the first with a finished run.
        level: level of the intervals.
    """
    rows = combinations_of(section)
    target = target_of(rows, baseline)
    to_target = {key: _arrivals(runs, target.quality) for key, runs in rows.items()}
    to_own = {
        key: {
            run.record.spec.seed: found
            for run in runs
            if run.done and (found := arrive_own(run)) is not None
        }
        for key, runs in rows.items()
    }
    return SpeedTable(
        section,
        target,
        tuple(
            SpeedRow(
                key,
                runs[0].tuned,
                sum(run.done for run in runs),
                sum(not run.done for run in runs),
                _to(to_target[key], to_target.get(target.baseline, {}), level),
                _to(to_own[key], to_own.get(target.baseline, {}), level),
                _parts([run for run in runs if run.done]),
                no_evidence(runs),
            )
            for key, runs in rows.items()
        ),
        level,
    )


def _arrivals(runs: Sequence[Run], quality: float | None) -> dict[int, Arrival]:
    """By seed; nothing where no target is known."""
    if quality is None:
        return {}
    return {
        run.record.spec.seed: found
        for run in runs
        if run.done and (found := arrive(run, quality)) is not None
    }


def _to(arrivals: Mapping[int, Arrival], baseline: Mapping[int, Arrival], level: float) -> To:
    common = sorted(arrivals.keys() & baseline.keys())
    faster = {
        unit: over_seeds(
            [log_ratio(baseline[seed], arrivals[seed], unit) for seed in common], level
        )
        for unit in UNITS
    }
    return To(
        mean_arrival(list(arrivals.values())),
        faster,
        sum(arrival.at_once for arrival in arrivals.values()),
    )


def _parts(done: Sequence[Run]) -> dict[str, float]:
    costs = [run.record.cost for run in done if run.record.cost is not None]
    if not costs:
        return {}
    names = done[0].task.parts
    return {
        name: sum(getattr(cost, f"{name}_seconds") for cost in costs) / len(costs) for name in names
    }
