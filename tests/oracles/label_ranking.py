"""Label ranking by plain loops over nested lists, in double precision."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Matrix = list[list[float]]

_WRAP = 2**64


def fork(stream: int, counter: int) -> int:
    """A stream's child, in Python's integers."""
    z = (stream + (counter + 1) * 0x9E3779B97F4A7C15) % _WRAP
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % _WRAP
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % _WRAP
    return z ^ (z >> 31)


def pair(seed: int, step: int, number: int, pairs: int) -> int:
    """The pair that a step takes as its `number`-th."""
    return int((fork(fork(seed, step), number) >> 11) / 2**53 * pairs)


def dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def slope(loss: str, difference: float, weight: float) -> float:
    if loss == "logistic":
        return 1 / (1 + math.exp(difference))
    return (weight if loss == "warp-weighted" else 1.0) * (difference <= 1)


def value(loss: str, difference: float, weight: float) -> float:
    if loss == "logistic":
        return math.log(1 + math.exp(-difference))
    return (weight if loss == "warp-weighted" else 1.0) * max(0.0, 1 - difference)


def update(
    v: list[float],
    qp: list[float],
    qn: list[float],
    g: float,
    lr: float,
    l2_image: float,
    l2_label: float,
) -> None:
    """VSE-ens, one SGD step in the order of its code: the image, then the positive, then the
    negative; both labels see the image after its step.
    """
    for f in range(len(v)):
        v[f] += lr * (g * (qp[f] - qn[f]) - l2_image * v[f])
    for f in range(len(v)):
        qp[f] += lr * (g * v[f] - l2_label * qp[f])
    for f in range(len(v)):
        qn[f] += lr * (-g * v[f] - l2_label * qn[f])


def update_mapped(
    x: Sequence[float],
    W: Matrix,
    qp: list[float],
    qn: list[float],
    g: float,
    lr: float,
    l2_image: float,
    l2_label: float,
) -> None:
    """The same of a map W: its gradient is the outer product of the features and the gradient of
    the vector.
    """
    for row, value_of_x in zip(W, x, strict=True):
        for f in range(len(row)):
            row[f] += lr * (value_of_x * g * (qp[f] - qn[f]) - l2_image * row[f])
    v = project(x, W)
    for f in range(len(v)):
        qp[f] += lr * (g * v[f] - l2_label * qp[f])
        qn[f] += lr * (-g * v[f] - l2_label * qn[f])


def project(x: Sequence[float], W: Matrix) -> list[float]:
    return [sum(value * row[f] for value, row in zip(x, W, strict=True)) for f in range(len(W[0]))]
