"""Ratios of waiting times, paired by seed, of which some are only bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.report.statistics import t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.arrivals import Arrival, Unit

Statistic = Literal["geometric mean", "median"]


class Bounds(NamedTuple):
    """Where the logarithm of a ratio lies; equal ends where it is known, infinite ones where a side is open."""

    low: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many times faster, over seeds.

    Attributes:
        statistic: the geometric mean where every ratio is known; otherwise the median, which a few unknown ones cannot move.
        low: of the statistic; equal to `high` where it is known, 0 where nothing bounds it from below.
        high: likewise, infinite where nothing bounds it from above.
        interval: at 95 %: Student's over the logarithms, or for the median that of order statistics, which needs six seeds. Its ends may be 0 and infinite.
        pairs: seeds that both have.
        known: of these, where both arrived.
    """

    statistic: Statistic
    low: float
    high: float
    interval: tuple[float, float] | None
    pairs: int
    known: int


def log_ratio(baseline: Arrival, other: Arrival, unit: Unit) -> Bounds:
    """The logarithm of the baseline's waiting time over the other's: above 0 where the other is faster.

    Where one had not arrived at its end, its time is at least that: the ratio is bounded on one side.
    """
    ratio = math.log(baseline.value(unit)) - math.log(other.value(unit))
    return Bounds(ratio if other.reached else -math.inf, ratio if baseline.reached else math.inf)


def over_seeds(ratios: Sequence[Bounds], level: float = 0.95) -> Ratio | None:
    """The ratios of all seeds as one; None of none.

    Args:
        ratios: their logarithms.
        level: of the interval.
    """
    if not ratios:
        return None
    known = sum(low == high for low, high in ratios)
    if known == len(ratios):
        mean, low, high = t_interval([ratio.low for ratio in ratios], level)
        interval = None if low is None or high is None else (math.exp(low), math.exp(high))
        return Ratio("geometric mean", math.exp(mean), math.exp(mean), interval, len(ratios), known)
    lows, highs = sorted(ratio.low for ratio in ratios), sorted(ratio.high for ratio in ratios)
    return Ratio("median", _exp(median(lows)), _exp(median(highs)), _median_interval(lows, highs, level), len(ratios), known)


def _median_interval(lows: Sequence[float], highs: Sequence[float], level: float) -> tuple[float, float] | None:
    """The distribution-free interval of a median: from the k-th smallest to the k-th largest value, as each is above the median with chance 1/2.

    An order statistic never falls when a value rises, so the k-th smallest lower bound is below the k-th smallest value. Below six seeds even the
    smallest and the largest hold the median with less than 95 %.
    """
    from scipy.stats import binom

    k = int(binom.ppf((1 - level) / 2, len(lows), 0.5))
    return (_exp(lows[k - 1]), _exp(highs[-k])) if k > 0 else None


def _exp(value: float) -> float:
    return math.inf if value == math.inf else math.exp(value)
