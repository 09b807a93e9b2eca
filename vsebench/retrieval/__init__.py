"""Retrieval between images and captions: towers, training, ranks and recalls.

`inputs` is what a run reads, `encoders` and `model` are what it trains, `training` is how (begin at
`training.train`), `ranking` is how embeddings are evaluated, with no model at all (begin at
`ranking.evaluation`). `encode` embeds whole splits, `extract` writes features of raw images,
`trained` is a model ready to embed, `stored` uses those of finished runs, `exported` makes them
folders that stand alone, and `shown` is what pages show of them. The names of this package are
loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsebench.retrieval.ranking.ensemble import Member, evaluate_ensemble
    from vsebench.retrieval.ranking.evaluation import evaluate
    from vsebench.retrieval.ranking.graded import GradedMetrics
    from vsebench.retrieval.ranking.judgements import Judgements
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics
    from vsebench.retrieval.ranking.plausible import PlausibleMetrics, evaluate_plausible
    from vsebench.retrieval.ranking.relevance import evaluate_relevance

_HOMES = {
    "GradedMetrics": "vsebench.retrieval.ranking.graded",
    "Judgements": "vsebench.retrieval.ranking.judgements",
    "Member": "vsebench.retrieval.ranking.ensemble",
    "PlausibleMetrics": "vsebench.retrieval.ranking.plausible",
    "RetrievalMetrics": "vsebench.retrieval.ranking.metrics",
    "evaluate": "vsebench.retrieval.ranking.evaluation",
    "evaluate_ensemble": "vsebench.retrieval.ranking.ensemble",
    "evaluate_plausible": "vsebench.retrieval.ranking.plausible",
    "evaluate_relevance": "vsebench.retrieval.ranking.relevance",
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


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
