"""Dev evaluations, and the choice of the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from vsebench.plugin.retrieval import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.inputs.padded import to_device
from vsebench.retrieval.ranking.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.ranking.evaluation import EvaluationProtocol
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics


class Spread(NamedTuple):
    """Spread of a model's embeddings of a split.

    Attributes:
        unrelated: the mean cosine of the pairs of an image and another image's caption.
        images: mean cosine of the pairs of two images.
        texts: mean cosine of the pairs of two captions.
        image_mean: the mean image embedding [D], float64.
        text_mean: the mean caption embedding [D], likewise.
    """

    unrelated: float
    images: float
    texts: float
    image_mean: Tensor
    text_mean: Tensor


def judge(
    model: Model, image: Embedding, text: Embedding, split: SplitInputs
) -> tuple[RetrievalMetrics, Spread]:
    """Metrics of a model's embeddings of a split, and how far apart they lie."""
    image_rows, text_rows = representative(image), representative(text)
    owner = to_device(split.text_to_image, image_rows.device)
    return evaluate_embedded(model, image, text, split), spread(image_rows, text_rows, owner)


def evaluate_embedded(
    model: Model,
    image: Embedding,
    text: Embedding,
    split: SplitInputs,
    evaluation: EvaluationProtocol = "full",
) -> RetrievalMetrics:
    """Metrics of a model's embeddings of a split, among all or within folds."""
    return evaluate(
        image,
        text,
        split.text_to_image,
        protocol=evaluation,
        similarity=ranked_by(model, image),
    )


def ranked_by(model: Model, image: Embedding) -> Similarity | None:
    """The similarity that ranks a model's embeddings; None for inner products of plain vectors."""
    plain = not isinstance(image, (SetEmbedding, GaussianEmbedding))
    return None if plain and getattr(model.similarity, "inner_product", False) else model.similarity


def criterion(metrics: Mapping[str, float], select_by: str) -> float:
    """The quantity that model selection maximises, from dev metrics by row key."""
    if select_by == "rsum":
        return metrics["rsum"]
    return sum(metrics[f"{direction}_{k}"] for direction in ("i2t", "t2i") for k in ("r1", "r5"))


def spread(image: Tensor, text: Tensor, owner: Tensor) -> Spread:
    """Spread of embeddings, from sums: no similarity matrix is built.

    Args:
        image: normalised image embeddings [n, D].
        text: normalised caption embeddings [m, D].
        owner: int64 [m], the image of each caption.
    """
    n, m = len(image), len(text)
    images, texts = image.sum(0, dtype=torch.float64), text.sum(0, dtype=torch.float64)
    means = (
        _mean_of(images @ texts, image[owner], text, n * m - m),
        _mean_of(images @ images, image, image, n * (n - 1)),
        _mean_of(texts @ texts, text, text, m * (m - 1)),
    )
    unrelated, among_images, among_texts = torch.stack(means).tolist()
    return Spread(unrelated, among_images, among_texts, images / n, texts / m)


def _mean_of(every: Tensor, first: Tensor, second: Tensor, pairs: int) -> Tensor:
    """The mean inner product of the pairs that remain of all, without those of a row of `first`
    [k, D] with its row of `second` [k, D].
    """
    excluded: Tensor = torch.linalg.vecdot(first, second).sum(dtype=torch.float64)
    return (every - excluded) / max(1, pairs)
