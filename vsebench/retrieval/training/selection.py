"""Dev evaluations, and the choice of the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.plugin.embeddings import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.encode import encode_images, encode_texts
from vsebench.retrieval.ranking.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.embeddings import Embedding
    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics


def evaluate_split(
    model: Model, split: SplitInputs, device: torch.device
) -> tuple[RetrievalMetrics, float]:
    """Metrics of a model on a split, and the mean cosine of its pairs of unrelated images and
    captions: near 1, the model has collapsed.
    """
    image, text = embed_split(model, split, device)
    return evaluate_embedded(model, image, text, split), _mean_unrelated_cosine(
        image, text, torch.from_numpy(split.text_to_image).to(device)
    )


def embed_split(
    model: Model, split: SplitInputs, device: torch.device
) -> tuple[Embedding, Embedding]:
    """A model's embeddings of the images and of the captions of a split."""
    return encode_images(model, split.images), encode_texts(model, split.texts, device)


def evaluate_embedded(
    model: Model, image: Embedding, text: Embedding, split: SplitInputs
) -> RetrievalMetrics:
    """Metrics of a model's embeddings of a split."""
    plain = not isinstance(image, (SetEmbedding, GaussianEmbedding)) and getattr(
        model.similarity, "inner_product", False
    )
    return evaluate(
        image, text, split.text_to_image, similarity=None if plain else model.similarity
    )


def criterion(metrics: Mapping[str, float], select_by: str) -> float:
    """What the best model has most of, among dev metrics by row key."""
    if select_by == "rsum":
        return metrics["rsum"]
    return sum(metrics[f"{direction}_{k}"] for direction in ("i2t", "t2i") for k in ("r1", "r5"))


def _mean_unrelated_cosine(image: Embedding, text: Embedding, owner: torch.Tensor) -> float:
    """Mean inner product over all pairs but the matching ones, from sums: no matrix is built."""
    a, b = representative(image), representative(text)
    every = (a.double().sum(0) * b.double().sum(0)).sum()
    matching = (a[owner].double() * b.double()).sum()
    return float((every - matching) / max(1, len(a) * len(b) - len(b)))
