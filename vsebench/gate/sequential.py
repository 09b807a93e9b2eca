"""Looks at a few new runs after another, against stored ones: when to stop, and what to say.

A look compares the mean of the new runs so far with that of the reference, in standard errors of
the difference whose deviation is the reference's: `T = (new − reference) / (s √(1/n + 1/m))`. The
row fails as soon as `T` falls below the look's critical value, and passes as soon as a loss of the
margin can be refuted in the same way, or after the last look. Critical values follow Wang and
Tsiatis (1987) with Δ = 1/4, between Pocock's and O'Brien and Fleming's, and count the reference's
own noise, which all looks share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import chi2

ERROR = 0.008
"""False alarms of a gate, over all looks and rows: a little below the 1 % that it promises."""

POWER = 0.9
"""Share of losses of the margin that a design must find."""

_RUNS_OF_A_LOOK = (4, 16)
"""The fewest and the most."""

_DELTA = 0.25
_NODES = 48
_FAR = 8.5


@dataclass(frozen=True)
class Design:
    """When runs are looked at, and how strictly.

    Attributes:
        reference: number of runs of the reference, m.
        per_look: number of new runs between two looks.
        looks: number of looks at most.
        error: false alarms of one row over all its looks.
    """

    reference: int
    per_look: int = 4
    looks: int = 3
    error: float = ERROR

    @property
    def runs(self) -> tuple[int, ...]:
        """Number of new runs at each look."""
        return tuple(self.per_look * look for look in range(1, self.looks + 1))

    @cached_property
    def scale(self) -> np.ndarray:
        """Standard error of the difference at each look, in deviations of a run, float64
        [looks].
        """
        return np.sqrt(1 / np.array(self.runs) + 1 / self.reference)

    @cached_property
    def critical(self) -> np.ndarray:
        """Critical value of each look, float64 [looks]; positive."""
        information = self.scale**-2
        shape = (information / information[-1]) ** (_DELTA - 0.5)
        found = brentq(
            lambda c: self._crossing(c * shape, 0.0, None) - self.error, 0.5, 60.0, xtol=1e-4
        )
        critical: np.ndarray = float(found) * shape
        return critical

    def power(self, loss: float, margin: float) -> float:
        """Probability that a row fails.

        Args:
            loss: true loss in deviations of a run.
            margin: margin, in the same.
        """
        return self._crossing(self.critical, -loss, margin)

    def _crossing(self, critical: np.ndarray, drift: float, margin: float | None) -> float:
        """Probability of a failure: of a Brownian motion at the looks' information, within bounds
        that the reference's deviation scales, integrated over that deviation. Without a margin no
        row passes before the last look, which bounds the false alarms whatever the margin.
        """
        nodes, weights = _gauss_legendre()
        freedom = self.reference - 1
        shares = (nodes + 1) / 2
        spread = np.sqrt(chi2.ppf(shares, freedom) / freedom)[:, None]  # s over σ, a row each
        information = self.scale**-2
        low = -critical * spread * np.sqrt(information)
        high = np.full_like(low, math.inf) if margin is None else -low - margin * information
        within = _continued(information, low, np.maximum(low, high), drift)
        return float(weights @ within) / 2


@cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    """Nodes on (−1, 1) and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def _continued(
    information: np.ndarray, low: np.ndarray, high: np.ndarray, drift: float
) -> np.ndarray:
    """Probability that a Brownian motion with drift is below `low` at a time of `information`
    before it is above `high` at one, float64 [rows of `low`], by the recursion of Armitage,
    McPherson and Rowe (1969).

    Args:
        information: times [looks].
        low: bounds [rows, looks].
        high: bounds [rows, looks], not below `low`; only those before the last look are read.
        drift: drift of the motion.
    """
    nodes, weights = _gauss_legendre()
    rows = len(low)
    points, density = np.zeros((rows, 1)), np.ones((rows, 1))  # all of it at 0, before time 0
    failed, before = np.zeros(rows), 0.0
    for look, time in enumerate(information):
        step = math.sqrt(time - before)
        means = points + drift * (time - before)
        failed += (density * ndtr((low[:, [look]] - means) / step)).sum(1)
        far = _FAR * math.sqrt(time)
        bottom = np.clip(low[:, [look]], drift * time - far, drift * time + far)
        top = np.clip(high[:, [look]], bottom, drift * time + far)
        half = (top - bottom) / 2
        there = bottom + half * (nodes + 1)
        kernel = np.exp(-0.5 * ((there[:, :, None] - means[:, None, :]) / step) ** 2)
        kernel /= step * math.sqrt(2 * math.pi)
        density = (kernel @ density[:, :, None])[:, :, 0] * weights * half
        points, before = there, time
    return failed


def design_for(reference: int, rows: int, margin: float) -> Design:
    """The design with the fewest runs that finds a loss of the margin in any one row often enough;
    that with the most where none does.

    Args:
        reference: number of runs of the reference.
        rows: number of rows that are judged, which share the error.
        margin: margin, in deviations of a run.
    """
    for per_look in range(*_RUNS_OF_A_LOOK):
        design = Design(reference, per_look, error=ERROR / rows)
        if design.power(margin, margin) >= POWER:
            return design
    return Design(reference, _RUNS_OF_A_LOOK[1], error=ERROR / rows)
