"""Ensembles: the mean of several models' similarities, ranked like any model's.

The sum of inner products is one inner product of the models' vectors laid end to end, so that an
ensemble of such models is ranked by the exact evaluator, in the memory of its blocks. Other
similarities are computed block by block and averaged.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vsebench.kernels.rows import as_tensor
from vsebench.plugin.errors import DataError, SpecError
from vsebench.plugin.retrieval import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.embeddings import JointEmbedding
from vsebench.retrieval.ranking.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.ranking.evaluation import EvaluationProtocol
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics


@dataclass(frozen=True, eq=False)
class Member:
    """One model's embeddings.

    Attributes:
        image: embeddings of n images: [n, D], or whatever the similarity takes.
        text: embeddings of m captions.
        similarity: the score of an image and a caption; None for the inner product.
    """

    image: Embedding | np.ndarray
    text: Embedding | np.ndarray
    similarity: Similarity | None = None


def evaluate_ensemble(
    members: Sequence[Member],
    text_to_image: Tensor | np.ndarray | Sequence[int],
    *,
    protocol: EvaluationProtocol = "full",
    block: int | None = None,
) -> RetrievalMetrics:
    """Metrics of the mean of the members' similarities.

    Args:
        members: models of the same images and captions, in the same order; sizes of embeddings may
            differ.
        text_to_image: [m] integers, the image of each caption.
        protocol: evaluation protocol, as for `evaluate`.
        block: block size, as for `evaluate`.

    Raises:
        DataError: as `evaluate`; no members, or members of different numbers of images or captions.
        SpecError: a member without a similarity has sets or distributions.
    """
    if not members:
        raise DataError("the ensemble has no members: give at least one model's embeddings")
    _check_sizes(members)
    _check_widths(members)
    if all(member.similarity is None for member in members):
        image, text = (
            _side_by_side([getattr(member, side) for member in members])
            for side in ("image", "text")
        )
        return evaluate(image, text, text_to_image, protocol=protocol, block=block)
    images, texts = (
        JointEmbedding(tuple(_tensor(getattr(member, side)) for member in members))
        for side in ("image", "text")
    )
    similarity = MeanSimilarity([member.similarity or _dot for member in members])
    return evaluate(
        images,  # type: ignore[arg-type]  # only scored
        texts,  # type: ignore[arg-type]  # only scored
        text_to_image,
        protocol=protocol,
        similarity=similarity,
        block=block,
    )


def _side_by_side(embeddings: Sequence[Tensor | np.ndarray]) -> Tensor:
    """The embeddings [n, D] of several models as one [n, ΣD], not rounded."""
    tensors = [as_tensor("member", values) for values in embeddings]
    widest = functools.reduce(
        torch.promote_types, (tensor.dtype for tensor in tensors), torch.float32
    )
    return torch.cat([tensor.to(tensors[0].device, widest) for tensor in tensors], dim=1)


def _tensor(embedding: Embedding | np.ndarray) -> Embedding:
    return (
        embedding
        if isinstance(embedding, (SetEmbedding, GaussianEmbedding))
        else as_tensor("member", embedding)
    )


def _dot(image: Embedding, text: Embedding) -> Tensor:
    return image @ text.T  # type: ignore[operator,union-attr]  # a member without a similarity has vectors


def _check_sizes(members: Sequence[Member]) -> None:
    for what in ("image", "text"):
        counts = {_count(getattr(member, what)) for member in members}
        if len(counts) > 1:
            raise DataError(
                f"members of an ensemble embed the same items, found {what} embeddings of "
                f"{' and '.join(map(str, sorted(counts)))} items"
            )


def _check_widths(members: Sequence[Member]) -> None:
    """Of members that are scored by the inner product: laid end to end, the surplus of one member's
    side would be scored with the next member's.
    """
    for number, member in enumerate(members):
        if member.similarity is not None:
            continue
        image, text = (_tensor(side) for side in (member.image, member.text))
        if not isinstance(image, Tensor) or not isinstance(text, Tensor):
            raise SpecError(
                f"member {number} has sets or distributions, which have no inner product: give it "
                "the similarity that scores them"
            )
        if image.shape[1:] != text.shape[1:]:
            raise DataError(
                f"the image and caption embeddings of member {number} must have one width, found "
                f"{_size(image)} and {_size(text)}"
            )


def _size(embedding: Tensor) -> str:
    return " × ".join(map(str, embedding.shape[1:]))


def _count(embedding: Embedding | np.ndarray) -> int:
    if isinstance(embedding, SetEmbedding):
        return len(embedding.vectors)
    return len(embedding.mean if isinstance(embedding, GaussianEmbedding) else embedding)


class MeanSimilarity(nn.Module):
    """The mean of several models' similarities, each of its own embeddings."""

    def __init__(self, similarities: Sequence[Similarity]) -> None:
        super().__init__()
        self.similarities: list[Any] = list(similarities)
        self.modules_of = nn.ModuleList(s for s in similarities if isinstance(s, nn.Module))

    def forward(self, image: JointEmbedding, text: JointEmbedding) -> Tensor:
        """[B_i, B_t]."""
        pairs = zip(self.similarities, image.members, text.members, strict=True)
        return torch.stack([similarity(a, b) for similarity, a, b in pairs]).mean(0)
