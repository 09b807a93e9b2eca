"""When runs reach a quality, read from their training curves, those included that end before they
do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.runs import Run
    from vsebench.results.record import Evaluation

SHARE = 0.95
"""The share of a best dev RSUM, or MAP, that counts as having arrived."""


class Reach(NamedTuple):
    """What it took to arrive.

    Attributes:
        steps: optimiser steps of the run itself; updates on the annotation task.
        epochs: the same in passes over the training captions, or rounds.
        seconds: seconds on the training clock, which starts with what the method needs first: the
            runs that it depends on, and mining.
    """

    steps: float
    epochs: float
    seconds: float


def best_dev(run: Run) -> float | None:
    """The largest dev RSUM (MAP on the annotation task) of all evaluations of a run; None when it
    has none.
    """
    return max(
        (evaluation.metrics[run.task.headline.key] for evaluation in run.curve), default=None
    )


def reach(run: Run, quality: float) -> Reach | None:
    """The first evaluation at which a run's dev RSUM (MAP) is at least `quality`; None when it
    never is.
    """
    found = bracket(run, quality)
    return found[1] if found is not None else None


def bracket(run: Run, quality: float) -> tuple[Reach, Reach] | None:
    """The evaluation of `reach` after the one before it, or after the start: the run arrived
    somewhere between the two.
    """
    before = Reach(0, 0.0, head_start(run))
    for evaluation in run.curve:
        here = _at(run, evaluation)
        if evaluation.metrics[run.task.headline.key] >= quality:
            return before, here
        before = here
    return None


def end(run: Run) -> Reach | None:
    """The last evaluation of a run; None when it has none."""
    return _at(run, run.curve[-1]) if run.curve else None


def reach_own_best(run: Run) -> Reach | None:
    """When a run reached 95 % of its own best."""
    best = best_dev(run)
    return reach(run, SHARE * best) if best is not None else None


def _at(run: Run, evaluation: Evaluation) -> Reach:
    return Reach(evaluation.step, evaluation.epoch, head_start(run) + evaluation.seconds)


def head_start(run: Run) -> float:
    """The seconds that the method needs first."""
    cost = run.record.cost
    return cost.prior_seconds + cost.mining_seconds if cost is not None else 0.0


def mean_reach(reached: Sequence[Reach | None]) -> Reach | None:
    """The mean over seeds; None unless every seed arrived, because a mean over those that did would
    favour methods that often fail to.
    """
    found = [r for r in reached if r is not None]
    if not found or len(found) < len(reached):
        return None
    return Reach(*(math.fsum(column) / len(found) for column in zip(*found, strict=True)))


Unit = Literal["updates", "seconds"]
UNITS: tuple[Unit, ...] = ("updates", "seconds")


@dataclass(frozen=True)
class Arrival:
    """When one run reached a quality, or for how long it had not.

    Attributes:
        updates: updates until the first evaluation at which the target was reached; until the last
            one where it never was.
        seconds: the same, on the training clock.
        reached: whether it was; otherwise both are bounds that the true values exceed.
        after: updates and seconds of the evaluation before, where it was not yet reached; of the
            start where there is none.
    """

    updates: float
    seconds: float
    reached: bool = True
    after: tuple[float, float] = (0.0, 0.0)

    def value(self, unit: Unit) -> float:
        """The time by the evaluations."""
        return self.updates if unit == "updates" else self.seconds

    def least(self, unit: Unit) -> float:
        """What it took at least."""
        return self.after[UNITS.index(unit)] if self.reached else self.value(unit)

    def most(self, unit: Unit) -> float:
        """What it took at most."""
        return self.value(unit) if self.reached else math.inf

    @property
    def at_once(self) -> bool:
        """Whether it was reached by the first evaluation: the time may be much smaller in truth."""
        return self.reached and self.after[0] == 0


def arrive(run: Run, quality: float) -> Arrival | None:
    """When a run reached a dev quality; None without any evaluation."""
    found, last = bracket(run, quality), end(run)
    if found is not None:
        before, there = found
        return Arrival(there.steps, there.seconds, after=(before.steps, before.seconds))
    return None if last is None else Arrival(last.steps, last.seconds, reached=False)


def arrive_own(run: Run) -> Arrival | None:
    """When a run reached 95 % of its own best."""
    best = best_dev(run)
    return None if best is None else arrive(run, SHARE * best)


@dataclass(frozen=True)
class MeanArrival:
    """Over the seeds of a row.

    Attributes:
        updates: mean; a lower bound of the mean where not all arrived, from how long the others had
            not.
        seconds: mean training seconds until then.
        arrived: runs that did.
        runs: all of them.
    """

    updates: float
    seconds: float
    arrived: int
    runs: int

    def value(self, unit: Unit) -> float:
        return self.updates if unit == "updates" else self.seconds


def mean_arrival(arrivals: Sequence[Arrival]) -> MeanArrival | None:
    """The mean over runs; None of none."""
    if not arrivals:
        return None
    updates, seconds = (
        math.fsum(a.value(unit) for a in arrivals) / len(arrivals) for unit in UNITS
    )
    return MeanArrival(updates, seconds, sum(a.reached for a in arrivals), len(arrivals))
