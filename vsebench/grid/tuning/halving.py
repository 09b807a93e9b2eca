"""Successive halving: many configurations train short schedules, a third of them longer ones, and
few the whole.

Every rung trains a complete schedule of its length from the start, never the beginning of a longer
one: under a schedule that cuts the rate late, the beginning of a run says little of its end.

References:
    Karnin, Koren and Somekh, Almost Optimal Exploration in Multi-Armed Bandits (2013); Jamieson and
    Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization (2016).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Select = Literal["quality", "time"]
"""What a trial is chosen by: its best dev quality, or the steps that it takes to a fixed one."""

ETA = 3
"""A rung keeps one in so many configurations and trains so many times as long."""

LAST = 2
"""What the last rung tries at least: the choice is then made by whole runs."""


@dataclass(frozen=True)
class Rung:
    """One length of schedules.

    Attributes:
        share: its share of the whole schedule.
        trials: how many configurations of a row train it.
    """

    share: float
    trials: int


class Result(NamedTuple):
    """What a trial came to.

    Attributes:
        quality: best dev quality; None when it diverged, so that no choice can follow it.
        arrival: steps to the target; None when it was not reached, or none is set.
    """

    quality: float | None
    arrival: float | None = None


def rungs(configurations: int, shares: Sequence[float]) -> tuple[Rung, ...]:
    """The rungs of a search.

    Args:
        configurations: configurations of a row.
        shares: ascending shares of the whole schedule, the last 1.
    """
    found: list[Rung] = []
    for share in shares:
        left = max(LAST, math.ceil(found[-1].trials / ETA)) if found else configurations
        found.append(Rung(share, min(left, configurations)))
    return tuple(found)


def shares(levels: int) -> tuple[float, ...]:
    """The shares of so many rungs: of 3, a ninth, a third and all."""
    return tuple(ETA ** (level - levels + 1.0) for level in range(levels))


def ranking(results: Sequence[Result], select: Select) -> list[int]:
    """Places of the trials that did not diverge, the best first and the earlier of equal ones.

    By time those that reach the target come first, the soonest before the others, and then those
    that miss it, by quality.
    """

    def order(place: int) -> tuple[float, float]:
        quality, arrival = results[place]
        late = math.inf if arrival is None else arrival
        return (late if select == "time" else 0.0, -(quality or 0.0))

    known = [place for place, result in enumerate(results) if result.quality is not None]
    return sorted(known, key=order)


def agreement(pairs: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, int]:
    """Kendall's tau between the qualities of the same points on two rungs, and over how many pairs
    of points it is: those of one row are compared with each other, equal ones with none.

    Args:
        pairs: quality on the shorter and on the longer rung of each point, by row.
    """
    signs = [
        (one[0] - other[0]) * (one[1] - other[1])
        for row in pairs
        for one, other in itertools.combinations(row, 2)
    ]
    same, other = sum(sign > 0 for sign in signs), sum(sign < 0 for sign in signs)
    return (same - other) / max(1, same + other), same + other


def arrival(curve: Sequence[tuple[int, float]], target: float) -> float | None:
    """Steps until the best quality so far reaches the target, on the line between the evaluations
    around it; None when it never does.

    Args:
        curve: steps and dev quality of each evaluation.
        target: the quality to reach.
    """
    best, last = -math.inf, 0
    for step, quality in curve:
        if quality >= target:
            if best == -math.inf:
                return float(step)
            return last + (step - last) * (target - best) / (quality - best)
        best, last = max(best, quality), step
    return None
