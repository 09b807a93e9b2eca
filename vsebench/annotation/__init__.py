"""The annotation task: images to labels. `evaluate` ranks labels by the factors of any model,
`evaluate_scores` by any scores.

Begin at `evaluation` for ranking alone (`count` counts, `metrics` turns counts into figures), and
at `run` for a run from its spec to its record: `inputs` opens its data, `train` trains `model` with
one of two engines, `sequential` and `minibatch`, which share `engine`. `throughput` measures
samplers without training.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsebench.annotation.evaluation import evaluate, evaluate_scores
    from vsebench.annotation.metrics import AnnotationMetrics

_HOMES = {
    "AnnotationMetrics": "vsebench.annotation.metrics",
    "evaluate": "vsebench.annotation.evaluation",
    "evaluate_scores": "vsebench.annotation.evaluation",
}

__all__ = ("AnnotationMetrics", "evaluate", "evaluate_scores")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vsebench.annotation' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
