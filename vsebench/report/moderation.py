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

from vsebench.report.two_way import Estimate, satterthwaite, two_way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.two_way import MeanSquares

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
    known = [each for each in family if each.rest > 0]
    if len(known) < 2:
        return [two_way(each) for each in family]
    prior = fit([each.by_seed / each.rest for each in known], [each.seeds - 1 for each in known])
    return [two_way(each) if each.rest == 0 else _moderate(each, prior, rows) for each in family]


def fit(ratios: Sequence[float], df: Sequence[int]) -> Prior:
    """The prior of ratios of mean squares, by the moments of their logarithms: r₀ times F with df
    and d₀ degrees of freedom.

    Args:
        ratios: ratios of a mean square to a variance that is as good as known, at least two.
        df: degrees of freedom of each.
    """
    from scipy.special import digamma, polygamma

    values, half = np.maximum(ratios, _SMALLEST), np.asarray(df) / 2
    logs = np.log(values) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= 0:
        return Prior(math.inf, float(values.mean()))
    prior = _inverse_trigamma(excess)
    return Prior(2 * prior, float(np.exp(logs.mean() + digamma(prior) - np.log(prior))))


def _moderate(squares: MeanSquares, prior: Prior, rows: int) -> Estimate:
    own, rest = squares.seeds - 1, squares.rest
    borrowed = min(prior.df, (rows - 1) / 3, 2 * own)
    by_seed = (borrowed * prior.ratio * rest + own * squares.by_seed) / (borrowed + own)
    full = squares._replace(by_seed=max(by_seed, rest), by_image=max(squares.by_image, rest))
    total = full.by_seed + full.by_image - rest
    error = math.sqrt(total / (squares.seeds * squares.images))
    return Estimate(squares.mean, error, satterthwaite(full, borrowed + own))


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
