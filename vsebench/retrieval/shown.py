"""What pages show of a trained model without the model: what it retrieves for the queries that it
answers worst, and the weights that its poolings put on sorted positions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.plugin import LocalFeatures, PluginError
from vsebench.retrieval.encode import evaluating, first_batch
from vsebench.retrieval.ranking.scored import Items, Transposed, as_float64, row_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.model import Model, Tower

QUERIES = 100
"""Queries of each direction that are kept, those with the worst ranks."""
CANDIDATES = 5
"""Items that are kept for each query, from the top of its ranking."""
ITEMS = 64
"""Items of a split over which weights are averaged that depend on features."""
SHARES = (0.25, 0.5, 1.0)
"""Lengths of the sets, as shares of the longest that one in ten items has."""
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
        similarity: the score of an image and a caption; None for the inner product.
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


def _inner_product(image: Embedding, text: Embedding) -> Tensor:
    assert isinstance(image, torch.Tensor)
    assert isinstance(text, torch.Tensor)
    return image @ text.T


def position_weights(
    model: Model, split: SplitInputs, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Weights by side, `image` and `text`, of those poolings that show them; means over items and
    dimensions.

    Args:
        model: the model.
        split: split whose first items are pooled, each cut to the length of the set.
        device: device of the model.

    Returns:
        float32 [L, N] by side: a row for each of L lengths, its first n columns the weights of a
        set of n, the others NaN.

    Raises:
        PluginError: a pooling's `position_weights` fails, or gives something else.
    """
    found = {}
    with evaluating(model):
        for side, tower in (("image", model.image), ("text", model.text)):
            if hasattr(tower.pooling, "position_weights"):
                batch = first_batch(model, side, split, ITEMS, device)
                encoded = tower.encoder(tower.read(batch.values), batch.lengths)
                rows = (
                    encoded
                    if isinstance(encoded, LocalFeatures)
                    else LocalFeatures(encoded, batch.lengths)
                )
                found[side] = _of_lengths(tower, rows)
    return found


def _of_lengths(tower: Tower, rows: LocalFeatures) -> NDArray[np.float32]:
    features, lengths = rows
    longest = int(np.quantile(lengths.cpu().numpy(), 0.9, method="lower"))
    sizes = sorted({math.ceil(share * longest) for share in SHARES})
    padded = np.full((len(sizes), longest), np.nan, np.float32)
    for row, n in zip(padded, sizes, strict=True):
        whole = lengths >= n
        row[:n] = _weights(tower, features[whole, :n], torch.full_like(lengths[whole], n))
    return padded


def _weights(tower: Tower, features: Tensor, lengths: Tensor) -> NDArray[np.float32]:
    """Mean weights [n] of items that all have n rows."""
    what = f"pooling '{tower.name}': position_weights"
    try:
        weights = tower.pooling.position_weights(features, lengths)
    except Exception as error:  # of a plugin any
        raise PluginError(f"{what} raises {type(error).__name__}: {error}") from error
    shapes = (features.shape[:2], features.shape)
    if not isinstance(weights, torch.Tensor) or weights.shape not in shapes:
        shape = list(getattr(weights, "shape", ()))
        raise PluginError(f"{what} gives {shape}, expected one of {list(map(list, shapes))}")
    mean = weights.float().flatten(2).mean(2) if weights.dim() == 3 else weights.float()
    values: NDArray[np.float32] = mean.mean(0).cpu().numpy()
    if not np.isfinite(values).all():
        raise PluginError(f"{what} gives weights that are not finite")
    return values
