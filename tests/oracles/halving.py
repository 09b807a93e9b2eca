"""Successive halving written out: every rung sorts what is left and keeps the first third."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def halving(
    points: int,
    shares: Sequence[float],
    quality: Callable[[int, float], float | None],
) -> tuple[list[list[int]], int | None]:
    """The points that each rung trains, in ascending order, and the one that is chosen; None where
    all that are left have diverged.

    Args:
        points: number of points.
        shares: share of the whole schedule of each rung.
        quality: quality of a point after a schedule of that share; None when it diverges.
    """
    trained: list[list[int]] = []
    order = list(range(points))
    wanted = points
    for share in shares:
        left = sorted(order[:wanted])
        trained.append(left)
        wanted = max(2, math.ceil(wanted / 3))
        order = []
        pool = {point: value for point in left if (value := quality(point, share)) is not None}
        while pool:
            best = max(pool.values())
            first = min(point for point, value in pool.items() if value == best)
            order.append(first)
            del pool[first]
        if not order:
            return trained, None
    return trained, order[0]


def expected_best(values: Sequence[float], k: int) -> float:
    """The mean of the largest of k values over every subset of k."""
    from itertools import combinations

    largest = [max(subset) for subset in combinations(values, k)]
    return math.fsum(largest) / len(largest)
