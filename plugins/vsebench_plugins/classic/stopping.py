"""Rules that end training before the last epoch."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from vsebench.plugin import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import CurvePoint


_HEADLINES = ("rsum", "map", "explained")
"""Of the three tasks."""


class Patience:
    """`patience`: stops once the best value of a dev metric lies `epochs` epochs back. Losses do
    not count: they differ from method to method.
    """

    def __init__(self, epochs: float, metric: str = "") -> None:
        self.epochs = epochs
        self.metric = metric

    def should_stop(self, curve: Sequence[CurvePoint]) -> bool:
        known = curve[-1].metrics
        metric = self.metric or next((key for key in _HEADLINES if key in known), "rsum")
        if metric not in known:
            raise SpecError(
                f"stopping-rule 'patience': there is no dev metric '{metric}': "
                f"{did_you_mean(metric, known)}"
            )
        best = max(curve, key=lambda point: point.metrics[metric])  # the first of equals
        return curve[-1].epoch - best.epoch >= self.epochs


class Collapse:
    """`collapse`: stops once every evaluation of the last `epochs` epochs has found the model
    collapsed.
    """

    def __init__(self, epochs: float = 1.0) -> None:
        self.epochs = epochs

    def should_stop(self, curve: Sequence[CurvePoint]) -> bool:
        if "rsum" not in curve[-1].metrics:
            raise SpecError(
                "stopping-rule 'collapse': models of this task are not watched for collapse: use "
                "stop=patience, or leave the rule out"
            )
        collapsed = list(takewhile(_collapsed, reversed(curve)))
        return bool(collapsed) and curve[-1].epoch - collapsed[-1].epoch >= self.epochs


def _collapsed(point: CurvePoint) -> bool:
    """Whether the evaluation found the model collapsed; one that does not say has not."""
    return point.diagnostics.get("collapsed", 0.0) == 1.0
