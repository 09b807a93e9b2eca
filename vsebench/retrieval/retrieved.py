"""What a model retrieves for the queries that it answers worst: kept beside a run's ranks, so that
pages can show it without the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.retrieval.ranking.scored.items import Items, Transposed, as_float64
from vsebench.retrieval.ranking.scored.places import row_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity

QUERIES = 100
"""Queries of each direction that are kept, those with the worst ranks."""
CANDIDATES = 5
"""Items that are kept of each, from the top of its ranking."""
_BLOCK = 1024


class Gallery(NamedTuple):
    """Embedded images and captions that are ranked among each other.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
    """

    image: Embedding
    text: Embedding


def worst(ranks: NDArray[np.int64], number: int = QUERIES) -> NDArray[np.int64]:
    """The queries with the worst ranks, the worst first; of equal ones the first."""
    return np.argsort(-ranks.astype(np.int64), kind="stable")[:number]


def retrieved(
    galleries: Sequence[Gallery],
    similarity: Similarity | None,
    queries: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> dict[str, NDArray[np.int32]]:
    """The top of the rankings of some queries.

    Args:
        galleries: the embeddings, whose items are counted on from one gallery to the next.
        similarity: what scores images against captions; None for the inner product.
        queries: images, and captions.

    Returns:
        By direction `i2t` and `t2i` int32 [q], the queries; with `_top` added int32 [q, k], the
        items at the top of the ranking of each, best first, of equal ones the first, and -1 where
        there are fewer.
    """
    score = as_float64(similarity or _inner_product)
    asked: dict[str, NDArray[np.int32]] = {}
    for kind, index in zip(("i2t", "t2i"), queries, strict=True):
        top = np.full((len(index), CANDIDATES), -1, np.int32)
        for part in _galleries(galleries, kind):
            own = (index >= part.first_query) & (index < part.first_query + len(part.queries))
            if own.any():
                rows = torch.from_numpy(index[own] - part.first_query).to(part.queries.device)
                way = score if kind == "i2t" else Transposed(score)
                scores = row_scores(part.queries, part.items, rows, way, _BLOCK)
                order = (-scores).argsort(dim=1, stable=True)[:, :CANDIDATES].cpu().numpy()
                top[own, : order.shape[1]] = order + part.first_item
        asked |= {kind: index.astype(np.int32), f"{kind}_top": top}
    return asked


class _Part(NamedTuple):
    """The queries and the items of a gallery, with the numbers of the first of each."""

    queries: Items
    items: Items
    first_query: int
    first_item: int


def _galleries(galleries: Sequence[Gallery], kind: str) -> Iterator[_Part]:
    images = texts = 0
    for gallery in galleries:
        image, text = (
            Items.checked("image", gallery.image),
            Items.checked("text", gallery.text),
        )
        yield (
            _Part(image, text, images, texts)
            if kind == "i2t"
            else _Part(text, image, texts, images)
        )
        images, texts = images + len(image), texts + len(text)


def _inner_product(image: Embedding, text: Embedding) -> torch.Tensor:
    assert isinstance(image, torch.Tensor)
    assert isinstance(text, torch.Tensor)
    return image @ text.T
