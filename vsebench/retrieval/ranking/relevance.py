"""Evaluation against a relevance other than "its own captions": what
`vsebench.retrieval.evaluate_relevance` does, one direction at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from vsebench.kernels.rows import Rows
from vsebench.plugin.errors import DataError, SpecError, did_you_mean
from vsebench.retrieval.ranking.exact.places import exact_places
from vsebench.retrieval.ranking.graded import graded_metrics
from vsebench.retrieval.ranking.judgements import Judgements, Lists
from vsebench.retrieval.ranking.scored import Items, scored_places

if TYPE_CHECKING:
    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.ranking.graded import GradedMetrics

Unjudged = Literal["irrelevant", "ignored"]


@torch.inference_mode()
def evaluate_relevance(  # noqa: PLR0913  # the options have defaults
    query_emb: Embedding | np.ndarray,
    item_emb: Embedding | np.ndarray | None,
    judged: Judgements,
    *,
    relevant_from: float | None = None,
    unjudged: Unjudged = "irrelevant",
    similarity: Similarity | None = None,
    block: int | None = None,
) -> GradedMetrics:
    """Ranks a collection for every judged query, exactly, in memory bounded by the block, and
    measures where the relevant items stand.

    Ties count against the model: of equal scores the less relevant item stands first, and an
    unjudged one before any judged one. Only the judged queries are scored.

    Args:
        query_emb: [n, D] floats as for `evaluate`; with a `similarity`, any embedding that it
            takes.
        item_emb: [m, D] likewise, the collection; None for the queries themselves, where a query's
            own row is in no list.
        judged: the relevance of items to queries, by rows.
        relevant_from: the lowest grade that counts as relevant; by default any above 0.
        unjudged: items without a judgement are `irrelevant`, in the list with grade 0; or
            `ignored`, so that a query's list holds its judged items only (a condensed list: Sakai
            2007, Alternatives to Bpref).
        similarity: scores a block of queries against a block of items, instead of the inner
            product. It gets float64, and scores within a relative 1e-9 of each other (absolute
            below 1) are ties.
        block: queries per tile of scores; by default 256, and 64 with a `similarity`.

    Raises:
        DataError: embeddings that are not finite or do not fit each other or the judgements; no
            query has a relevant item.
        SpecError: an unknown treatment of unjudged items, or a block below 1.
    """
    if unjudged not in get_args(Unjudged):
        raise SpecError(
            f"unjudged items are 'irrelevant' or 'ignored', found '{unjudged}': "
            f"{did_you_mean(unjudged, get_args(Unjudged))}"
        )
    if block is not None and block < 1:
        raise SpecError(f"block is the number of queries per tile, at least 1, found {block}")
    lists = Lists(condensed=unjudged == "ignored", same=item_emb is None)
    if lists.same and (judged.items == judged.queries[judged.query_of]).any():
        raise DataError(
            "a query is judged against itself: leave such pairs out, its own row is in no list"
        )
    if similarity is not None:
        rows = Items.checked("query", query_emb)
        items = rows if item_emb is None else Items.checked("item", item_emb, rows.device)
        judged.check(len(rows), len(items))
        places = scored_places(rows, items, judged, lists, block or 64, similarity)
    else:
        queries, collection = checked_rows(query_emb, item_emb)
        judged.check(len(queries), len(collection))
        places = exact_places(queries, collection, judged, lists, block or 256)
    return graded_metrics(judged, places, relevant_from)


def checked_rows(
    query_emb: Embedding | np.ndarray,
    item_emb: Embedding | np.ndarray | None,
    names: tuple[str, str] = ("query", "item"),
) -> tuple[Rows, Rows]:
    """Both sides as vectors of one width, named in errors; the queries twice where there are no
    items.

    Raises:
        DataError: they are not finite, or of different widths.
        SpecError: they are not vectors.
    """
    if not all(
        isinstance(side, (torch.Tensor, np.ndarray, type(None))) for side in (query_emb, item_emb)
    ):
        raise SpecError(
            "embeddings that are sets or distributions have no inner product: pass the similarity "
            "that scores them"
        )
    queries = Rows.checked(names[0], query_emb)  # type: ignore[arg-type]
    items = queries if item_emb is None else Rows.checked(names[1], item_emb, queries.device)  # type: ignore[arg-type]
    if queries.width != items.width:
        raise DataError(
            f"{names[0]} and {names[1]} embeddings must have one width, found {queries.width} and "
            f"{items.width}"
        )
    return queries, items
