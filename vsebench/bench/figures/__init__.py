"""All figures, each declared once, beside the plain version that it is timed against: short,
obviously right, and as one would write it first, or as it was published.
"""

from __future__ import annotations

from vsebench.bench.figures import (
    encoders,
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
    *step.FIGURES,
    *ranking.FIGURES,
    *samplers.FIGURES,
    *runs.FIGURES,
)
"""From the parts of a training step to whole runs."""
