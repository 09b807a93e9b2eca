"""Ratios of waiting times, paired by seed, of which some are only bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.report.statistics import LEVEL, t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.arrivals import Arrival, Unit

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
