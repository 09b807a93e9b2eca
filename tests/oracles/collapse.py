"""Collapse by plain loops: how far embeddings lie apart, pair by pair, and the rule on whole
curves.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Vectors = Sequence[Sequence[float]]
    Point = Mapping[str, float]


def mean_cosine(first: Vectors, second: Vectors, related: Sequence[tuple[int, int]]) -> float:
    """The mean inner product of every pair (i, j) that is not related; 0 without any."""
    found = [
        math.fsum(a * b for a, b in zip(first[i], second[j], strict=True))
        for i in range(len(first))
        for j in range(len(second))
        if (i, j) not in related
    ]
    return statistics.fmean(found) if found else 0.0


def collapsed(curve: Sequence[Point], chance: float) -> list[bool]:
    """For each point of a curve, whether its model has collapsed. A point has the keys `rsum`,
    `loss` and `unrelated`, and may have `plateau`, `images` and `texts`.
    """
    return [_at(curve[: n + 1], chance) for n in range(len(curve))]


def _at(so_far: Sequence[Point], chance: float) -> bool:
    now = so_far[-1]
    no_better_than_chance = now["rsum"] <= 1.5 * chance
    fallen = any(now["rsum"] <= 0.9 * earlier["rsum"] for earlier in so_far)
    if not (no_better_than_chance or fallen):
        return False
    if "plateau" not in now:
        return now["unrelated"] >= 0.95
    if now["plateau"] >= 0:
        gains = now["loss"] < 0.95 * now["plateau"]
    else:
        gains = now["loss"] < 1.05 * now["plateau"]
    narrow = max(now["unrelated"], now.get("images", -1), now.get("texts", -1)) >= 0.9
    return narrow and not gains


def stop_after(curve: Sequence[bool], epochs: Sequence[float], patience: float) -> int | None:
    """The first number of points after which the last ones, `patience` epochs from end to end, are
    all collapsed.
    """
    for n in range(1, len(curve) + 1):
        for start in range(n):
            if all(curve[start:n]) and epochs[n - 1] - epochs[start] >= patience:
                return n
    return None
