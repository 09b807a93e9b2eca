"""Means with intervals over seeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval, None where one value tells nothing of the
    spread.
    """

    mean: float
    low: float | None
    high: float | None


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of a normal sample with Student's t-interval: mean ± t(n − 1) s / √n.

    Args:
        values: at least one, such as one metric over seeds.
        level: the share of such intervals that hold the true mean.
    """
    from scipy.special import stdtrit

    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, None, None)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)
