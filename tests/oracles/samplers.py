"""The samplers' laws by plain enumeration: the chance of every label for one image, as lists.
`negatives` are the labels that the image does not have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

Vector = Sequence[float]
Matrix = Sequence[Sequence[float]]


def score(vector: Vector, label: Vector) -> float:
    return sum(v * q for v, q in zip(vector, label, strict=True))


def normalised(mass: dict[int, float], n_labels: int) -> list[float]:
    total = sum(mass.values())
    return [mass.get(a, 0.0) / total for a in range(n_labels)]


def uniform(negatives: Sequence[int], n_labels: int) -> list[float]:
    return normalised(dict.fromkeys(negatives, 1.0), n_labels)


def popularity(counts: Sequence[int], power: float, negatives: Sequence[int]) -> list[float]:
    return normalised({a: (counts[a] + 1) ** power for a in negatives}, len(counts))


def warp(vector: Vector, Q: Matrix, positive: int, negatives: Sequence[int]) -> list[float]:
    """Of the first violator among uniform trials."""
    return normalised(
        {a: 1.0 for a in negatives if 1 + score(vector, Q[a]) > score(vector, Q[positive])}, len(Q)
    )


def dns(vector: Vector, Q: Matrix, n: int, m: int, negatives: Sequence[int]) -> list[float]:
    """By all n-tuples of candidates."""
    mass = dict.fromkeys(negatives, 0.0)
    for candidates in itertools.product(negatives, repeat=n):
        best = sorted(candidates, key=lambda a: -score(vector, Q[a]))[:m]
        for a in best:
            mass[a] += 1
    return normalised(mass, len(Q))


def softmax(vector: Vector, Q: Matrix, temperature: float, negatives: Sequence[int]) -> list[float]:
    return normalised({a: math.exp(score(vector, Q[a]) / temperature) for a in negatives}, len(Q))


def deviation(values: Vector) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((x - mean) ** 2 for x in values) / len(values))


def variance(values: Vector) -> float:
    return deviation(values) ** 2


def rank_by_factor(
    vector: Vector,
    Q: Matrix,
    scale: float,
    negatives: Sequence[int],
    spread: Callable[[Vector], float] = deviation,
) -> list[float]:
    """VSE-ens, Algorithm 1, with the rejection of its code: p(a) ∝ Σ_f |v_f| σ_f exp(−r_f(a) /
    scale) for negatives a.

    r_f(a) is the rank of a by factor f, from the largest value where v_f > 0, else from the
    smallest.
    """
    mass = dict.fromkeys(range(len(Q)), 0.0)
    for f, v in enumerate(vector):
        values = [row[f] for row in Q]
        order = sorted(range(len(Q)), key=lambda a, values=values: (-values[a], a))
        if v <= 0:
            order.reverse()
        ranks = [math.exp(-r / scale) for r in range(len(Q))]
        for r, a in enumerate(order):
            mass[a] += abs(v) * spread(values) * ranks[r] / sum(ranks)
    return normalised({a: mass[a] for a in negatives}, len(Q))


def adaptive_oversampling(
    vector: Vector, Q: Matrix, scale: float, negatives: Sequence[int]
) -> list[float]:
    """Rendle and Freudenthaler: the score is Σ_f |v_f| σ_f · sgn(v_f) q*_f(a) up to a constant, q*
    standardised, hence p(f) ∝ |v_f| σ_f.

    Given f, a label is drawn by its place in the descending order of sgn(v_f) q*_f, by a geometric
    law.
    """
    weights, orders = [], []
    for f, v in enumerate(vector):
        values = [row[f] for row in Q]
        mean, sigma = sum(values) / len(values), deviation(values)
        standardised = [math.copysign(1, v) * (x - mean) / sigma for x in values]
        weights.append(abs(v) * sigma)
        orders.append(sorted(range(len(Q)), key=lambda a, key=standardised: -key[a]))
    mass = dict.fromkeys(negatives, 0.0)
    for a in negatives:
        for weight, order in zip(weights, orders, strict=True):
            mass[a] += weight / sum(weights) * math.exp(-order.index(a) / scale)
    return normalised(mass, len(Q))


def harmonic(rank: int) -> float:
    return sum(1 / j for j in range(1, rank + 1))
