"""Patterns and their errors, a value at a time."""

from __future__ import annotations

import math


def pattern(name: str, values: list[float]) -> float:
    """What a pattern makes of the values of one dimension of a set."""
    top = sorted(values, reverse=True)
    n = len(top)
    if name == "linear-decay":
        return sum((n - k) * value for k, value in enumerate(top)) / (n * (n + 1) / 2)
    kept = top[: {"avg": n, "max-1": 1, "max-10": 10, "top-half": -(-n // 2)}[name]]
    return sum(kept) / len(kept)


def rmse(found: list[list[float]], target: list[list[float]]) -> float:
    """The root mean squared error over sets and dimensions."""
    errors = [
        (a - b) ** 2
        for one, other in zip(found, target, strict=True)
        for a, b in zip(one, other, strict=True)
    ]
    return math.sqrt(math.fsum(errors) / len(errors))


def explained(found: list[list[float]], target: list[list[float]]) -> float:
    """The percentage of the variance of the targets that is explained."""
    every = [value for one in target for value in one]
    mean = math.fsum(every) / len(every)
    variance = math.fsum((value - mean) ** 2 for value in every) / len(every)
    return 100 * (1 - rmse(found, target) ** 2 / variance)
