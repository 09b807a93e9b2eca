"""Means over seeds, and over seeds and test images at once, with their errors, intervals and tests.

A finished run answers the same test images as every other, so that its metric is a mean over a
table: seeds down, images across. Part of its spread comes from the seed, part from the images that
happen to be in the test split, part from which images this seed happens to get right. An interval
over seeds alone holds on this split; one that counts the images, too, holds for the next split,
which is what readers take a table for.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
"""Confidence level of intervals, unless another is asked for: the share of such intervals that hold
the true value.
"""

POWER = 0.8
"""The probability with which `detectable` says that a difference is found."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval, None where one value tells nothing of the
    spread.
    """

    mean: float
    low: float | None
    high: float | None


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


class Estimate(NamedTuple):
    """A mean with what is known of its error.

    Attributes:
        mean: mean over all seeds and images.
        error: standard error of the mean.
        df: degrees of freedom of the error, by Satterthwaite's approximation.
    """

    mean: float
    error: float
    df: float


class MeanSquares(NamedTuple):
    """A table of seeds by images, reduced to what an error needs of it.

    Attributes:
        mean: mean over all seeds and images.
        seeds: number of seeds, n.
        images: number of images, N.
        by_seed: mean square of seeds, with n − 1 degrees of freedom; 0 of one seed.
        by_image: mean square of images, with N − 1 degrees of freedom.
        rest: mean square of the rest, with (n − 1) (N − 1) degrees of freedom; 0 of one seed.
    """

    mean: float
    seeds: int
    images: int
    by_seed: float
    by_image: float
    rest: float


def mean_squares(values: NDArray[np.floating]) -> list[MeanSquares]:
    """The mean squares of two-way tables without replication.

    Args:
        values: finite floats [tables, n seeds, N images], at least two images.
    """
    import numpy as np  # here, since every command imports the module for its level

    tables = np.ascontiguousarray(values, dtype=np.float64)
    count, seeds, images = tables.shape
    mean = tables.reshape(count, -1).mean(axis=1)
    by_image = seeds * ((tables.mean(axis=1) - mean[:, None]) ** 2).sum(axis=1) / (images - 1)
    by_seed, rest = np.zeros(count), np.zeros(count)
    if seeds > 1:
        left = tables - tables[:, :1]  # equal seeds then leave exactly nothing
        of_seeds = left.mean(axis=2) - left.mean(axis=(1, 2))[:, None]
        by_seed = images * (of_seeds**2).sum(axis=1) / (seeds - 1)
        left -= left.mean(axis=1, keepdims=True)
        left -= of_seeds[:, :, None]
        left *= left
        rest = left.reshape(count, -1).sum(axis=1) / ((seeds - 1) * (images - 1))
    columns = (mean.tolist(), by_seed.tolist(), by_image.tolist(), rest.tolist())
    return [
        MeanSquares(mean, seeds, images, *squares) for mean, *squares in zip(*columns, strict=True)
    ]


def two_way(squares: MeanSquares) -> Estimate:
    """The mean of a table whose seeds and images are both samples.

    The model is y[s, i] = mean + seed[s] + image[i] + rest[s, i], all random and independent. With
    the mean squares S of seeds, I of images and R of the rest, the variance of the mean over n
    seeds and N images is (S + I − R) / (n N); S and I, which R is a part of, are at least R. One
    seed says nothing of seeds: its error is that of the images alone.

    References:
        Searle, Casella and McCulloch, Variance Components (1992), section 4.3; Satterthwaite,
        Biometrics 2 (1946).
    """
    mean, seeds, images, by_seed, by_image, rest = squares
    if seeds == 1:
        return Estimate(mean, math.sqrt(by_image / images), images - 1)
    seed_part, image_part = max(by_seed - rest, 0.0), max(by_image - rest, 0.0)
    error = math.sqrt((seed_part + image_part + rest) / (seeds * images))
    # a square that the rest exceeds is left out with its excess, since it then adds nothing
    if seed_part == image_part == 0:
        df: float = (seeds - 1) * (images - 1)
    elif seed_part == 0:
        df = images - 1
    elif image_part == 0:
        df = seeds - 1
    else:
        df = _satterthwaite(squares)
    return Estimate(mean, error, df)


def _satterthwaite(squares: MeanSquares) -> float:
    """Degrees of freedom of by_seed + by_image − rest, of several seeds."""
    _, seeds, images, by_seed, by_image, rest = squares
    total = by_seed + by_image - rest
    spread = (
        by_seed**2 / (seeds - 1)
        + by_image**2 / (images - 1)
        + rest**2 / ((seeds - 1) * (images - 1))
    )
    return total**2 / spread


def interval(estimate: Estimate, level: float) -> Interval:
    """Student's interval of the mean.

    Args:
        estimate: mean with its error.
        level: share of such intervals that hold the true mean.
    """
    half = _quantile(0.5 + level / 2, estimate.df) * estimate.error
    return Interval(estimate.mean, estimate.mean - half, estimate.mean + half)


def student(values: Sequence[float]) -> Estimate | None:
    """The mean of a normal sample with Student's error, s / √n; None of one value, which tells
    nothing of the spread.
    """
    n = len(values)
    if n == 1:
        return None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return Estimate(mean, math.sqrt(variance / n), n - 1)


def t_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean of a normal sample with Student's t-interval; without ends of one value."""
    found = student(values)
    return Interval(values[0], None, None) if found is None else interval(found, level)


def two_sided(estimate: Estimate) -> float:
    """The p-value of a true mean of 0: the probability of a mean at least as far from it."""
    return min(1.0, 2 * _tail(abs(estimate.mean), estimate))


def above(estimate: Estimate, bound: float) -> float:
    """The p-value of a true mean at or below `bound`: the probability of one at least this high."""
    return _tail(estimate.mean - bound, estimate)


def detectable(estimate: Estimate, level: float, power: float = POWER) -> float:
    """The true difference from 0 that a test at `level` finds with probability `power`, as the
    error is estimated: (t(level) + t(power)) · error.
    """
    return estimate.error * (
        _quantile(0.5 + level / 2, estimate.df) + _quantile(power, estimate.df)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being the tests of one family: those at most α after it hold a true
    null hypothesis in at most a share α of families, however the tests depend on each other.

    References:
        Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    import numpy as np

    p = np.asarray(p_values, dtype=np.float64)
    order, adjusted = np.argsort(p), np.empty(len(p))
    left = len(p) - np.arange(len(p))
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * left))
    return adjusted.tolist()


def _tail(distance: float, estimate: Estimate) -> float:
    """The probability that Student's t exceeds `distance` in units of the error."""
    from scipy.special import stdtr

    if estimate.error == 0:
        return 0.5 if distance == 0 else float(distance < 0)
    return float(stdtr(estimate.df, -distance / estimate.error))


@lru_cache(maxsize=1024)
def _quantile(share: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, share))
