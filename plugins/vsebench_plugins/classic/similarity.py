"""The inner product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from vsebench.plugin import SpecError

if TYPE_CHECKING:
    from vsebench.plugin import Embedding


class Dot:
    """`dot`: the inner product of every image with every caption; the cosine, as towers
    normalise.
    """

    inner_product = True

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t] from `image` [B_i, D] and `text` [B_t, D]; raises SpecError for embeddings
        that are not plain vectors.
        """
        return _vectors(image) @ _vectors(text).T


def _vectors(embedding: Embedding) -> Tensor:
    if not isinstance(embedding, Tensor):
        raise SpecError(
            "similarity 'dot' scores vectors, and a pooling returned a "
            f"{type(embedding).__name__}: choose a similarity made for it"
        )
    return embedding
