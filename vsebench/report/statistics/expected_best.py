"""What a search of fewer points would have found: the expected best of k of the points tried, with
bands.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.plugin.keys import Key
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2000
"""Of the bootstrap."""


class Expected(NamedTuple):
    """The best quality to expect of k points, for k from 1 to n.

    Attributes:
        mean: float64 [n].
        low: lower end of its band, float64 [n].
        high: upper end.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def expected_best(values: Sequence[float]) -> NDArray[np.float64]:
    """The mean of the largest of k values over all subsets of k, for k from 1 to n; float64 [n].

    It is the unbiased estimate of the expected best of k independent points: the i-th smallest
    value is the largest of C(i − 1, k − 1) of the C(n, k) subsets.

    Args:
        values: finite qualities of independent points, at least one.

    References:
        Tang et al., Showing Your Work Doesn't Always Work, ACL 2020.
    """
    return _weights(len(values)) @ np.sort(np.asarray(values, np.float64))


def expected_band(values: Sequence[float], level: float = LEVEL) -> Expected:
    """The expected best with the percentile bootstrap's band of each k: what other draws of as many
    points would have said of k. No resample exceeds the best point seen, so that the upper end is
    too low where k comes near n.

    Args:
        values: finite qualities of independent points.
        level: level of the bands.
    """
    n = len(values)
    found = np.asarray(values, np.float64)
    chosen = Key(0, "expected best", n).generator().integers(n, size=(RESAMPLES, n))
    curves = np.sort(found[chosen], axis=1) @ _weights(n).T
    low, high = np.quantile(curves, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return Expected(expected_best(values), low, high)


def _weights(n: int) -> NDArray[np.float64]:
    """The share of the subsets of k of which the i-th smallest is the largest, [k, i]."""
    weights = np.zeros((n, n))
    for k in range(1, n + 1):
        subsets, with_largest = math.comb(n, k), 1
        for i in range(k, n + 1):
            weights[k - 1, i - 1] = with_largest / subsets
            with_largest = with_largest * i // (i - k + 1)  # C(i, k − 1), from C(i − 1, k − 1)
    return weights
