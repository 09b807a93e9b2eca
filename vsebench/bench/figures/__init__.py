"""All figures, each declared once."""

from __future__ import annotations

from vsebench.bench.figures import (
    encoders,
    kept,
    kernels,
    loader,
    losses,
    poolings,
    ranking,
    runs,
    samplers,
    step,
)

FIGURES = (
    *poolings.FIGURES,
    *kernels.FIGURES,
    *losses.FIGURES,
    *encoders.FIGURES,
    *loader.FIGURES,
    *kept.FIGURES,
    *step.FIGURES,
    *ranking.FIGURES,
    *samplers.FIGURES,
    *runs.FIGURES,
)
"""From the parts of a training step to whole runs."""
