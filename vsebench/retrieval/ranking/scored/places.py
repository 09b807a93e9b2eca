"""Places under a similarity other than the inner product, in float64; scores within `scored_ranks`'
tolerance of each other are ties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.plugin.errors import DataError
from vsebench.retrieval.ranking.judgements import ABSENT, place
from vsebench.retrieval.ranking.scored.items import as_float64
from vsebench.retrieval.ranking.scored.ranks import reach

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.judgements import Judgements, Lists
    from vsebench.retrieval.ranking.scored.items import Items


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
        lists: what a query's list holds.
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
