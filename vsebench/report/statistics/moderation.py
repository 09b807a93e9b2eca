"""Seed variances of a family of differences, moderated by each other.

Three seeds hardly know their own variance. Where a difference's mean square of seeds falls below
that of the rest by chance, its error would take the degrees of freedom of a thousand images, and of
many differences some do. A family of them knows more: its seed variances are drawn towards their
common prior, as microarrays' are.

References:
    Smyth, Linear models and empirical Bayes methods for assessing differential expression,
    Statistical Applications in Genetics and Molecular Biology 3 (2004).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.report.statistics.means import Estimate, MeanSquares, two_way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SMALLEST = 1e-5
"""The ratio that stands for smaller ones, whose logarithm would say too much."""


class Prior(NamedTuple):
    """What a family knows of the ratio of a difference's seed variance to the rest.

    Attributes:
        df: degrees of freedom that it is worth; infinite where the ratios differ no more than by
            chance.
        ratio: the ratio expected.
    """

    df: float
    ratio: float


def moderated(family: Sequence[MeanSquares], rows: int) -> list[Estimate]:
    """The means of several differences, with errors that know of each other.

    With d of its own and d₀ of the prior, a difference's mean square of seeds is
    R (d₀ r₀ + d S / R) / (d₀ + d), at least R, with d₀ + d degrees of freedom. Differences that
    share rows are not independent and rows need not be alike, so that d₀ is at most a third of the
    rows but one, and at most 2 d. A single difference, or one without any spread, stays as it is.

    Args:
        family: differences of rows, each of several seeds.
        rows: number of rows that they are differences of.
    """
    if not family:
        return []
    error, df = moderated_all(np.array(family, dtype=np.float64).T, rows)
    return [
        Estimate(each.mean, *own)
        for each, *own in zip(family, error.tolist(), df.tolist(), strict=True)
    ]


def moderated_all(
    family: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `moderated`, of many differences at once: [6, differences], the fields of `MeanSquares`.

    Returns:
        The errors and their degrees of freedom, each [differences].
    """
    known = family[-1] > 0
    error, df = np.zeros(len(known)), np.ones(len(known))
    alone = np.arange(len(known)) if known.sum() < 2 else np.flatnonzero(~known)
    for i in alone:
        mean, seeds, images, *squares = family[:, i].tolist()
        _, error[i], df[i] = two_way(MeanSquares(mean, int(seeds), int(images), *squares))
    if known.sum() < 2:
        return error, df
    _, n, size, by_seed, of_images, left = family[:, known]
    own = n - 1
    prior = fit(by_seed / left, own)
    borrowed = np.minimum(min(prior.df, (rows - 1) / 3), 2 * own)
    squares = (borrowed * prior.ratio * left + own * by_seed) / (borrowed + own)
    squares, of_images = np.maximum(squares, left), np.maximum(of_images, left)
    total = squares + of_images - left
    error[known] = np.sqrt(total / (n * size))
    df[known] = total**2 / (
        squares**2 / (borrowed + own) + of_images**2 / (size - 1) + left**2 / ((n - 1) * (size - 1))
    )
    return error, df


def fit(
    ratios: Sequence[float] | NDArray[np.float64], df: Sequence[int] | NDArray[np.float64]
) -> Prior:
    """The prior of ratios of mean squares, by the moments of their logarithms: r₀ times F with df
    and d₀ degrees of freedom.

    Args:
        ratios: ratios of a mean square to a variance that is as good as known, at least two.
        df: degrees of freedom of each.
    """
    from scipy.special import digamma, polygamma

    values = np.maximum(ratios, _SMALLEST)
    halves, places = np.unique(np.asarray(df) / 2, return_inverse=True)  # few, of many differences
    logs = np.log(values) - digamma(halves)[places] + np.log(halves)[places]
    excess = float(logs.var(ddof=1) - polygamma(1, halves)[places].mean())
    if excess <= 0:
        return Prior(math.inf, float(values.mean()))
    prior = _inverse_trigamma(excess)
    return Prior(2 * prior, float(np.exp(logs.mean() + digamma(prior) - np.log(prior))))


def _inverse_trigamma(value: float) -> float:
    """The argument at which trigamma is `value`, by bisection between 1/x < trigamma⁻¹(x) < 1/x +
    1/2.
    """
    from scipy.special import polygamma

    low, high = 1 / value, 1 / value + 0.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, middle) > value else (low, middle)
    return (low + high) / 2
