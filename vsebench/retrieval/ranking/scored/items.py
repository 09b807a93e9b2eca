"""What is scored with a similarity other than the inner product: the embeddings of one side,
checked once and read by blocks in float64, or rows of given scores; and the similarity itself.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vsebench.kernels.rows import as_tensor
from vsebench.plugin.embeddings import GaussianEmbedding, SetEmbedding
from vsebench.plugin.errors import DataError
from vsebench.retrieval.embeddings import JointEmbedding, apply

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity


@dataclass(frozen=True, eq=False)
class Items:
    """The embeddings of one side: a tensor [n, …], a set or Gaussian of n items.

    Attributes:
        embedding: embeddings as given.
        device: where blocks are put.
    """

    embedding: Embedding
    device: torch.device

    @classmethod
    def checked(
        cls, side: str, embedding: Embedding | np.ndarray, device: torch.device | None = None
    ) -> Items:
        """Reads every value once; `side` names the embeddings in errors, `device` is by default
        their own.

        Raises:
            DataError: not floating-point numbers, or an item that is not finite.
        """
        if not isinstance(embedding, (SetEmbedding, GaussianEmbedding, JointEmbedding)):
            embedding = as_tensor(side, embedding)
        for values in _values(embedding):
            finite = values.isfinite().flatten(1).all(1)
            if not bool(finite.all()):
                raise DataError(
                    f"{side} embeddings: row {int((~finite).nonzero()[0])} holds values that are "
                    "not finite: the model may have diverged"
                )
        return cls(embedding, device or _values(embedding)[0].device)

    def __len__(self) -> int:
        return len(_values(self.embedding)[0])

    def select(self, index: Tensor) -> Items:
        """The items at `index`, copied."""
        return Items(
            apply(self.embedding, lambda values: values[index.to(values.device)].to(self.device)),
            self.device,
        )

    def block(self, index: Tensor) -> Embedding:
        """The items at `index` in float64."""
        return apply(
            self.select(index).embedding,
            lambda values: values.double() if values.is_floating_point() else values,
        )


def _values(embedding: Embedding) -> list[Tensor]:
    """What has to be finite; the vectors that a set leaves out may hold anything."""
    if isinstance(embedding, JointEmbedding):
        return [values for member in embedding.members for values in _values(member)]
    if isinstance(embedding, SetEmbedding):
        return [embedding.vectors.masked_fill(~embedding.mask[..., None], 0)]
    if isinstance(embedding, GaussianEmbedding):
        return [embedding.mean, embedding.log_variance]
    return [embedding]


class ScoreMatrix:
    """A similarity that looks scores up; the embeddings are row numbers, [b, 1].

    Args:
        scores: [n, m] of n images and m captions, an array or a memory map.
    """

    def __init__(self, scores: np.ndarray) -> None:
        self._scores = scores

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t] in float64."""
        assert isinstance(image, torch.Tensor)
        assert isinstance(text, torch.Tensor)
        rows, columns = (side.squeeze(1).long().cpu().numpy() for side in (image, text))
        return torch.from_numpy(self._scores[rows[:, None], columns].astype("float64"))


def as_float64(similarity: Similarity) -> Similarity:
    """Of a module, a float64 copy in evaluation mode; anything else as it is."""
    return (
        copy.deepcopy(similarity).double().eval()
        if isinstance(similarity, nn.Module)
        else similarity
    )


class Transposed(nn.Module):
    """Scores captions against images with a similarity of images against captions."""

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity: Any = similarity

    def forward(self, text: Embedding, image: Embedding) -> Tensor:
        """[B_t, B_i]."""
        return self.similarity(image, text).T  # type: ignore[no-any-return]
