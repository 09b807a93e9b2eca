"""Similarities as they are scored with: in float64, and the other way round."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity


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
