"""Ranks and places under a similarity other than the inner product.

Nothing is known of a similarity's rounding, hence no exactness here: it is computed in float64, in
blocks, and scores within a relative 1e-9 of each other are ties, which count against the model.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from vsebench.kernels.rows import as_tensor
from vsebench.plugin.errors import DataError
from vsebench.plugin.retrieval import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.embeddings import JointEmbedding, apply
from vsebench.retrieval.ranking.judgements import ABSENT, place

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.ranking.judgements import Judgements, Lists

_TIE = 1e-9  # relative to a score, and absolute below scores of 1


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
    """The tensors that must be finite; vectors that a set masks out may hold anything."""
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
    """A float64 copy of a module in evaluation mode; any other similarity unchanged."""
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


def scored_ranks(
    images: Items, texts: Items, owner: Tensor, similarity: Similarity, block: int
) -> tuple[Tensor, Tensor]:
    """Ranks of all images among captions, and of all captions among images, from 0.

    Args:
        images: n embeddings.
        texts: m embeddings.
        owner: int64 [m], the image of each caption; every image has one at least.
        similarity: called with float64 blocks; of a module, a float64 copy in evaluation mode.
        block: images, and captions, per tile.

    Returns:
        int64 [n] and int64 [m].

    Raises:
        DataError: a score is not finite.
    """
    similarity = as_float64(similarity)
    text_threshold = _positive_scores(images, texts, owner, similarity, block)
    image_threshold = torch.full(
        (len(images),), -torch.inf, dtype=torch.float64, device=owner.device
    ).scatter_reduce_(0, owner, text_threshold, "amax")
    image_rank, text_rank = (
        torch.zeros_like(image_threshold, dtype=torch.int64),
        torch.zeros_like(owner),
    )
    for columns in torch.split(torch.arange(len(texts), device=owner.device), block):
        for rows in torch.split(torch.arange(len(images), device=owner.device), block):
            scores = _scores(images, texts, rows, columns, similarity)
            competing = owner[columns] != rows[:, None]
            image_rank[rows] += (competing & (scores >= reach(image_threshold[rows, None]))).sum(1)
            text_rank[columns] += (competing & (scores >= reach(text_threshold[columns]))).sum(0)
    return image_rank, text_rank


def reach(threshold: Tensor) -> Tensor:
    """The lowest score that ties with a threshold."""
    return threshold - _TIE * threshold.abs().clamp(min=1)


def _positive_scores(
    images: Items, texts: Items, owner: Tensor, similarity: Similarity, block: int
) -> Tensor:
    """float64 [m], the score of each caption with its own image."""
    positive = torch.empty(len(texts), dtype=torch.float64, device=owner.device)
    for columns in torch.split(owner.argsort(), block):  # captions of the same image together
        rows, which = torch.unique(owner[columns], return_inverse=True)
        positive[columns] = _scores(images, texts, rows, columns, similarity)[
            which, torch.arange(len(columns), device=owner.device)
        ]
    return positive


def _scores(
    images: Items, texts: Items, rows: Tensor, columns: Tensor, similarity: Similarity
) -> Tensor:
    """float64 [len(rows), len(columns)]."""
    scores = similarity(images.block(rows), texts.block(columns)).double()
    if len(bad := (~scores.isfinite()).nonzero()):
        row, column = bad[0].tolist()
        raise DataError(
            f"the similarity of image {int(rows[row])} and caption {int(columns[column])} is not "
            "finite: the model may have diverged"
        )
    return scores


def scored_places(  # noqa: PLR0913  # as `exact_places`, and the similarity
    queries: Items,
    items: Items,
    judged: Judgements,
    lists: Lists,
    block: int,
    similarity: Similarity,
) -> np.ndarray:
    """Places from 0 of every judged item in its query's list, int64 [p].

    Args:
        queries: n embeddings.
        items: m embeddings, the collection.
        judged: judged items of any of the queries.
        lists: contents of a query's list.
        block: queries at a time, scored against `block` items at a time; memory holds a row of
            scores per query.
        similarity: called with float64 blocks of queries and of items; of a module, a float64 copy
            in evaluation mode.

    Raises:
        DataError: a score is not finite.
    """
    similarity = as_float64(similarity)
    places = []
    for part in judged.parts(block):
        scores = row_scores(
            queries, items, torch.from_numpy(part.queries).to(queries.device), similarity, block
        )
        places.append(_place(scores, part, lists))
    return np.concatenate(places)


def row_scores(
    queries: Items, items: Items, rows: Tensor, similarity: Similarity, block: int
) -> Tensor:
    """float64 [len(rows), m], the scores of some queries with every item.

    Raises:
        DataError: a score is not finite.
    """
    chosen = queries.block(rows)
    columns = torch.split(torch.arange(len(items), device=queries.device), block)
    scores = torch.cat([similarity(chosen, items.block(part)).double() for part in columns], dim=1)
    if len(bad := (~scores.isfinite()).nonzero()):
        row, column = bad[0].tolist()
        raise DataError(
            f"the similarity of query {int(rows[row])} and item {column} is not finite: the model "
            "may have diverged"
        )
    return scores


def _place(scores: Tensor, judged: Judgements, lists: Lists) -> np.ndarray:
    """Places of the judged items of the queries whose rows of scores these are."""
    present = judged.items != ABSENT
    row, item = (
        torch.from_numpy(index[present]).to(scores.device)
        for index in (judged.query_of, judged.items)
    )
    of_judged = np.zeros(len(judged.items))
    of_judged[present] = _level(scores[row, item].cpu().numpy(), judged.query_of[present])
    scores[row, item] = -torch.inf
    if lists.same:
        scores[torch.arange(len(scores)), torch.from_numpy(judged.queries)] = -torch.inf

    def outside(thresholds: np.ndarray) -> np.ndarray:
        edges = torch.from_numpy(thresholds).to(scores.device)
        edges = torch.where(edges.isfinite(), reach(edges), torch.inf)
        bins = torch.searchsorted(edges, scores, right=True)
        counts = torch.zeros(
            len(edges), edges.shape[1] + 1, dtype=torch.int64, device=scores.device
        ).scatter_add_(1, bins, torch.ones_like(bins))
        return counts[:, 1:].flip(1).cumsum(1).flip(1).cpu().numpy()

    return place(judged, of_judged, None if lists.condensed else outside)


def _level(scores: np.ndarray, query_of: np.ndarray) -> np.ndarray:
    """Scores that tie, directly or through others between them, become equal to the lowest of
    them.
    """
    order = np.lexsort((scores, query_of))
    ascending = torch.from_numpy(scores[order])
    starts = np.ones(len(scores), bool)
    starts[1:] = (np.diff(query_of[order]) > 0) | (ascending[:-1] < reach(ascending[1:])).numpy()
    level = np.empty_like(scores)
    level[order] = scores[order][np.flatnonzero(starts)][np.cumsum(starts) - 1]
    return level
