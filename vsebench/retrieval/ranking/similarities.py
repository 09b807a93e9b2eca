"""Similarities made of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.embeddings import JointEmbedding


class Transposed(nn.Module):
    """Scores captions against images with a similarity of images against captions."""

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity: Any = similarity

    def forward(self, text: Embedding, image: Embedding) -> Tensor:
        """[B_t, B_i]."""
        return self.similarity(image, text).T  # type: ignore[no-any-return]


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
