"""A run's quality on dev over what it cost: when it arrives somewhere, and how much of the way it
was good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from vsebench.report.rows.runs import Run
    from vsebench.results.record import Evaluation

Unit = Literal["steps", "seconds", "cpu seconds", "forwards"]


class LearningCurve(NamedTuple):
    """Dev quality at every evaluation, with the start, at which it is 0.

    Attributes:
        cost: float64 [evaluations + 1], rising.
        quality: float64 [evaluations + 1], RSUM or MAP as it was measured.
    """

    cost: NDArray[np.float64]
    quality: NDArray[np.float64]

    @property
    def end(self) -> float:
        """The cost of the whole run."""
        return float(self.cost[-1])

    @property
    def best(self) -> float:
        """The best quality of all evaluations."""
        return float(self.quality.max())

    def arrival(self, quality: float) -> float | None:
        """The cost at which the best so far, which selects models, reaches a quality; None where it
        never does.

        It is read between two evaluations on the monotone cubic through the best so far. Straight
        lines would read the arrival of a curve that bends too late, by 6 % of a ratio of 4 with ten
        evaluations; the cubic leaves 1 %.
        """
        from scipy.interpolate import PchipInterpolator
        from scipy.optimize import brentq

        # of evaluations within one tick of the clock the last
        apart = np.append(np.diff(self.cost) > 0, True)
        costs, best = self.cost[apart], np.maximum.accumulate(self.quality)[apart]
        after = int(np.searchsorted(best, quality, side="left"))
        if after == len(best):
            return None
        if after == 0:
            return float(costs[0])
        between = PchipInterpolator(costs, best)
        start, end = costs[after - 1], costs[after]
        if between(end) < quality:  # by rounding
            return float(end)
        return float(brentq(lambda cost: float(between(cost)) - quality, start, end))

    def area(self, cap: float) -> float:
        """The mean quality over a budget: the area under the curve up to `cap`, over `cap`. After
        the last evaluation the quality stays.
        """
        inside = self.cost < cap
        cost = np.append(self.cost[inside], cap)
        quality = np.append(self.quality[inside], np.interp(cap, self.cost, self.quality))
        return float(np.trapezoid(quality, cost) / cap)


class Arrival(NamedTuple):
    """When a run arrives, beside another.

    Attributes:
        cost: cost at its arrival, or what counts for it.
        there: whether it arrived.
    """

    cost: float
    there: bool


def arrivals(
    ours: LearningCurve, theirs: LearningCurve, goals: tuple[float, float]
) -> tuple[Arrival, Arrival]:
    """When each of two runs arrives, for the ratio of the two.

    A run that never arrives counts as if it had at its end, or when the other does (ends) if that
    is later: its end says nothing of a later arrival, so that it is never the sooner of the two.

    Args:
        ours: a run.
        theirs: the run that it is compared with.
        goals: the quality that each is to reach.
    """
    one, other = ours.arrival(goals[0]), theirs.arrival(goals[1])
    latest = max(ours.end if one is None else one, theirs.end if other is None else other)
    return (
        Arrival(latest if one is None else one, one is not None),
        Arrival(latest if other is None else other, other is not None),
    )


def learning_curve(run: Run, unit: Unit) -> LearningCurve:
    """The curve of a finished run over what it cost in a unit that its record `knows`."""
    curve = [*run.curve]
    quality = [evaluation.metrics[run.task.headline.key] for evaluation in curve]
    start = _first(run, unit)
    return LearningCurve(np.array([start, *costs(run, curve, unit)]), np.array([0.0, *quality]))


def costs(run: Run, curve: Sequence[Evaluation], unit: Unit) -> list[float]:
    """What a run had cost at each evaluation: optimiser steps; items through a tower, spread evenly
    over the steps; or seconds of training, with what the method needs first.
    """
    first = _first(run, unit)
    return [first + _spent(run, evaluation, unit) for evaluation in curve]


def _first(run: Run, unit: Unit) -> float:
    cost = run.record.cost
    if unit == "seconds":
        return run.head_start
    if unit == "cpu seconds" and cost is not None:
        return (cost.prior_cpu_seconds or 0.0) + (cost.mining_cpu_seconds or 0.0)
    return 0.0


def _spent(run: Run, evaluation: Evaluation, unit: Unit) -> float:
    if unit == "steps":
        return evaluation.step
    if unit == "seconds":
        return evaluation.seconds
    if unit == "cpu seconds":
        assert evaluation.cpu_seconds is not None
        return evaluation.cpu_seconds
    assert run.record.cost is not None
    return run.record.cost.tower_forwards * evaluation.step / max(run.record.steps, 1)


def knows(run: Run, unit: Unit) -> bool:
    """Whether a run's record says what it cost in a unit: CPU seconds of every evaluation and of
    what it needed first, and more than no items through a tower.
    """
    cost = run.record.cost
    if unit == "cpu seconds":
        return (
            cost is not None
            and cost.total_cpu_seconds is not None
            and all(evaluation.cpu_seconds is not None for evaluation in run.curve)
        )
    return unit != "forwards" or (cost is not None and cost.tower_forwards > 0)


def clock_of(runs: Iterable[Run]) -> Unit:
    """CPU seconds where every one of these finished runs has them, else wall seconds."""
    return "cpu seconds" if all(knows(run, "cpu seconds") for run in runs) else "seconds"
