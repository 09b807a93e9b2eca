"""Retrieval between images and captions: towers, training, ranks and recalls."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsebench.retrieval.ensemble import Member, evaluate_ensemble
    from vsebench.retrieval.evaluation import evaluate
    from vsebench.retrieval.graded import GradedMetrics
    from vsebench.retrieval.judgements import Judgements
    from vsebench.retrieval.metrics import RetrievalMetrics
    from vsebench.retrieval.plausible import PlausibleMetrics, evaluate_plausible
    from vsebench.retrieval.relevance import evaluate_relevance

_HOMES = {
    "GradedMetrics": "vsebench.retrieval.graded",
    "Judgements": "vsebench.retrieval.judgements",
    "Member": "vsebench.retrieval.ensemble",
    "PlausibleMetrics": "vsebench.retrieval.plausible",
    "RetrievalMetrics": "vsebench.retrieval.metrics",
    "evaluate": "vsebench.retrieval.evaluation",
    "evaluate_ensemble": "vsebench.retrieval.ensemble",
    "evaluate_plausible": "vsebench.retrieval.plausible",
    "evaluate_relevance": "vsebench.retrieval.relevance",
}

__all__ = (
    "GradedMetrics",
    "Judgements",
    "Member",
    "PlausibleMetrics",
    "RetrievalMetrics",
    "evaluate",
    "evaluate_ensemble",
    "evaluate_plausible",
    "evaluate_relevance",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vsebench.retrieval' has no attribute '{name}'")
