"""Means with intervals over seeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
"""Confidence level of intervals, unless another is asked for: the share of such intervals that hold
the true value.
"""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval, None where one value tells nothing of the
    spread.
    """

    mean: float
    low: float | None
    high: float | None


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean of a normal sample with Student's t-interval: mean ± t(n − 1) s / √n.

    Args:
        values: values, at least one, such as one metric over seeds.
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


def check_level(level: float) -> float:
    """The level itself.

    Raises:
        SpecError: it is no share of intervals.
    """
    if not 0 < level < 1:
        raise SpecError(
            f"a confidence level lies between 0 and 1, such as 0.9 for 90 %; got {level:g}"
        )
    return level
