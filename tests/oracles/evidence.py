"""How much a row gains late, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def best_at(curve: Sequence[tuple[int, int]], at: Fraction) -> Fraction | None:
    """The best quality until a step, on the line between the evaluations around it; None before
    the first.
    """
    bests = [(step, max(quality for other, quality in curve if other <= step)) for step, _ in curve]
    earlier = [point for point in bests if point[0] <= at]
    later = [point for point in bests if point[0] >= at]
    if not earlier:
        return None
    (a, low), (b, high) = earlier[-1], later[0]
    return Fraction(low) if a == b else low + Fraction(high - low) * (at - a) / (b - a)


def late_rise(curves: Sequence[Sequence[tuple[int, int]]]) -> Fraction | None:
    """The share of the best that was gained in the last quarter of the steps, over seeds.

    Args:
        curves: (step, quality) of each evaluation, of each seed; both whole numbers, quality at
            least 0.
    """
    gained, whole = Fraction(0), Fraction(0)
    for curve in curves:
        if not curve:
            continue
        end = curve[-1][0]
        before, after = best_at(curve, Fraction(3 * end, 4)), best_at(curve, Fraction(end))
        if before is not None and after is not None:
            gained, whole = gained + after - before, whole + after
    return gained / whole if whole else None
