"""When runs reach a quality, those included that end before they do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vsebench.report.convergence import SHARE, best_dev, bracket, end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.runs import Run

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
