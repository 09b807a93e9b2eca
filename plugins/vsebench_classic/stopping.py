"""Early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import SpecError
from vsebench.plugin.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import CurvePoint


class Patience:
    """`patience`: stops once the best value of a dev metric lies `epochs` epochs back. Losses do
    not count: they differ from method to method.
    """

    def __init__(self, epochs: float, metric: str = "") -> None:
        self.epochs = epochs
        self.metric = metric

    def should_stop(self, curve: Sequence[CurvePoint]) -> bool:
        known = curve[-1].metrics
        metric = self.metric or ("rsum" if "rsum" in known else "map")
        if metric not in known:
            raise SpecError(
                f"stopping-rule 'patience': there is no dev metric '{metric}': "
                f"{did_you_mean(metric, known)}"
            )
        best = max(curve, key=lambda point: point.metrics[metric])  # the first of equals
        return curve[-1].epoch - best.epoch >= self.epochs
