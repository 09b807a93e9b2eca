"""A run's quality on dev over what it cost: when it arrives somewhere, and how much of the way it
was good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from vsebench.report.convergence import head_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vsebench.report.runs import Run

Unit = Literal["steps", "seconds"]


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

    def arrival(self, quality: float) -> float | None:
        """The cost at which the rising fit to the curve reaches a quality, on the line between two
        evaluations; None where it never does.

        The fit is the isotonic regression, which a single lucky evaluation moves less than the
        best so far.
        """
        from scipy.optimize import isotonic_regression

        fit = isotonic_regression(self.quality).x
        after = int(np.searchsorted(fit, quality, side="left"))
        if after == len(fit):
            return None
        if after == 0 or fit[after] == fit[after - 1]:
            return float(self.cost[after])
        share = (quality - fit[after - 1]) / (fit[after] - fit[after - 1])
        return float(self.cost[after - 1] + share * (self.cost[after] - self.cost[after - 1]))

    def area(self, cap: float) -> float:
        """The mean quality over a budget: the area under the curve up to `cap`, over `cap`. After
        the last evaluation the quality stays.
        """
        inside = self.cost < cap
        cost = np.append(self.cost[inside], cap)
        quality = np.append(self.quality[inside], np.interp(cap, self.cost, self.quality))
        return float(np.trapezoid(quality, cost) / cap)


def learning_curve(run: Run, unit: Unit) -> LearningCurve:
    """The curve of a run over steps, or over training seconds with what the method needs first."""
    key = run.task.headline.key
    start = head_start(run) if unit == "seconds" else 0.0
    costs = [start + (e.seconds if unit == "seconds" else e.step) for e in run.curve]
    return LearningCurve(
        np.array([start, *costs]), np.array([0.0, *(e.metrics[key] for e in run.curve)])
    )
