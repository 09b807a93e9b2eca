"""How far the recalls of equally made models lie apart from seed to seed, and how far a mean may
therefore lie from a published figure.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.plugin.metrics import RECALLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DRAWS = 200_000
"""Draws behind a critical value, which is then known to about 0.5 %."""


@dataclass(frozen=True)
class SeedSpread:
    """Deviations of recalls over seeds as multiples of √(p(100 − p)), p the mean recall in percent,
    by which a spread measured at one level is carried to another.

    Attributes:
        covariance: float64 [6, 6], of the scaled deviations, in the order of `RECALLS`.
        df: degrees of freedom behind it.
        images: number of test images behind it.
        source: which runs it was measured on.
    """

    covariance: np.ndarray
    df: int
    images: int
    source: str

    def as_dict(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            "source": self.source,
            "images": self.images,
            "df": self.df,
            "recalls": list(RECALLS),
            "covariance": [[round(float(value), 9) for value in row] for row in self.covariance],
        }

    def limits(
        self,
        level: Mapping[str, float],
        metrics: Sequence[str],
        seeds: int,
        confidence: float,
    ) -> dict[str, float]:
        """The joint prediction limits of the gap between a mean over seeds and one published run
        of the same setting: c · s · √(1 + 1/seeds) for each metric, with one c for all, so that a
        perfect reproduction lies within all of them with the probability `confidence`.

        Args:
            level: recall in percent at which its spread is wanted, by row key; of every recall
                where RSUM is among the metrics.
            metrics: row keys of what is compared: recalls, `rsum`.
            seeds: number of seeds in our mean.
            confidence: probability between 0 and 1.

        Returns:
            A half-width in points for each metric.
        """
        parts = {key: _parts(key, level) for key in metrics}
        weights = np.stack(list(parts.values()))
        covariance = weights @ self.covariance @ weights.T
        spread = np.sqrt(covariance.diagonal())
        # A metric that is at 0 or 100 % has no spread and no correlation with the others
        scale = np.where(spread > 0, spread, 1.0)
        correlation = covariance / np.outer(scale, scale)
        critical = _critical(tuple(map(tuple, correlation.round(6))), self.df, confidence)
        widths = critical * spread * math.sqrt(1 + 1 / seeds)
        return dict(zip(metrics, map(float, widths), strict=True))


def measure(rows: Sequence[Sequence[Mapping[str, float]]], images: int, source: str) -> SeedSpread:
    """The spread within rows, pooled over them.

    Args:
        rows: test metrics of the seeds of each row, at least two seeds a row.
        images: number of test images.
        source: which runs these are.
    """
    total, df = np.zeros((len(RECALLS), len(RECALLS))), 0
    for row in rows:
        recalls = np.array([[metrics[key] for key in RECALLS] for metrics in row])
        mean = recalls.mean(axis=0)
        scaled = (recalls - mean) / np.sqrt(mean * (100 - mean))
        total += scaled.T @ scaled
        df += len(row) - 1
    return SeedSpread(total / df, df, images, source)


@cache
def stored() -> SeedSpread:
    """The spread that comes with the package."""
    text = files("vsebench.report").joinpath("seed_spread.json").read_text(encoding="utf-8")
    held = json.loads(text)
    return SeedSpread(np.array(held["covariance"]), held["df"], held["images"], held["source"])


def _parts(metric: str, level: Mapping[str, float]) -> np.ndarray:
    """How a metric is made of scaled recalls [6]."""
    parts = np.zeros(len(RECALLS))
    for i, key in enumerate(RECALLS):
        if metric in (key, "rsum"):
            parts[i] = math.sqrt(max(level[key] * (100 - level[key]), 0.0))
    return parts


@cache
def _critical(correlation: tuple[tuple[float, ...], ...], df: int, confidence: float) -> float:
    """The quantile of the largest |t| among correlated ones that share one estimate of spread, by
    seeded simulation.
    """
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(np.array(correlation))
    root = vectors * np.sqrt(np.maximum(values, 0))
    largest = np.abs(rng.standard_normal((DRAWS, len(correlation))) @ root.T).max(axis=1)
    return float(np.quantile(largest / np.sqrt(rng.chisquare(df, DRAWS) / df), confidence))
