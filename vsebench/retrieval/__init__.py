"""Retrieval between images and captions: towers, training, ranks and recalls."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsebench.retrieval.evaluation import evaluate
    from vsebench.retrieval.metrics import RetrievalMetrics

_HOMES = {"RetrievalMetrics": "vsebench.retrieval.metrics", "evaluate": "vsebench.retrieval.evaluation"}

__all__ = ("RetrievalMetrics", "evaluate")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vsebench.retrieval' has no attribute '{name}'")
