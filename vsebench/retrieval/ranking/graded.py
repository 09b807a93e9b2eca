"""Metrics of graded, many-to-many relevance, from places: mAP@R, R-Precision, any-hit recalls and
nDCG.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.plugin.errors import DataError
from vsebench.plugin.metrics import RECALL_DEPTHS

if TYPE_CHECKING:
    from vsebench.retrieval.ranking.judgements import Judgements

DEEPEST = RECALL_DEPTHS[-1]
"""K of nDCG@K."""


@dataclass(frozen=True)
class GradedMetrics:
    """Quality of one direction of retrieval; percentages, means over queries.

    With R relevant items of a query, of which an absent one counts and is never found:

    * `r_precision`: the share of relevant items among the first R.
    * `map_at_r`: mean over the first R places of the precision up to there where that place is
      relevant, and of 0 where it is not (Musgrave et al. 2020, A Metric Learning Reality Check,
      section 3.2; Chun et al. 2022, ECCV Caption, section 4).
    * `r1`, `r5`, `r10`: any-hit, 100 for a query with a relevant item among its first K.
    * `ndcg_at_10`: Σ grade / log2(place + 1) over the first 10 places (from 1), over the largest
      that such a sum can be (Järvelin and Kekäläinen 2002). It reads grades and not
      `relevant_from`.

    Attributes:
        queries: number of queries with a relevant item, over which all but nDCG are means.
        graded_queries: number of queries with an item of a grade above 0, over which nDCG is a
            mean.
        relevant: relevant pairs.
    """

    queries: int
    graded_queries: int
    relevant: int
    map_at_r: float
    r_precision: float
    r1: float
    r5: float
    r10: float
    ndcg_at_10: float

    def as_dict(self) -> dict[str, float]:
        """The fields by name."""
        return asdict(self)


def graded_metrics(
    judged: Judgements, places: np.ndarray, relevant_from: float | None = None
) -> GradedMetrics:
    """Metrics of places.

    Args:
        judged: the judgements.
        places: int64 [p], the place from 0 of each judged item in its query's list.
        relevant_from: the lowest grade that counts as relevant; by default any above 0.

    Raises:
        DataError: no query has a relevant item.
    """
    relevant = (
        judged.grades > 0
        if relevant_from is None
        else (judged.grades >= relevant_from) & (judged.grades > 0)
    )
    if not relevant.any():
        raise DataError(
            f"no grade is {'above 0' if relevant_from is None else f'{relevant_from:g} or more'}: "
            "nothing is relevant to any query"
        )
    query, place = _by_place(judged.query_of[relevant], places[relevant])
    sizes = np.bincount(query, minlength=len(judged.queries))
    having = sizes > 0
    # Relevant items up to this one
    hits = np.arange(1, len(query) + 1) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    within = place < sizes[query]
    precision = np.where(within, hits / (place + 1.0), 0.0)
    first = np.full(len(sizes), np.iinfo(np.int64).max)
    np.minimum.at(first, query, place)
    ndcg, graded = _ndcg(judged, places)
    return GradedMetrics(
        queries=int(having.sum()),
        graded_queries=graded,
        relevant=len(query),
        map_at_r=_percent(np.bincount(query, precision, len(sizes))[having] / sizes[having]),
        r_precision=_percent(np.bincount(query, within, len(sizes))[having] / sizes[having]),
        **{f"r{depth}": _percent(first[having] < depth) for depth in RECALL_DEPTHS},
        ndcg_at_10=ndcg,
    )


def _ndcg(judged: Judgements, places: np.ndarray) -> tuple[float, int]:
    """nDCG@10 in percent, and the queries that it is a mean over."""
    best = np.lexsort((-judged.grades, judged.query_of))
    ideal_place = np.arange(len(best)) - judged.offsets[judged.query_of]
    found = _gains(judged.query_of, judged.grades, places, len(judged.queries))
    ideal = _gains(judged.query_of, judged.grades[best], ideal_place, len(judged.queries))
    graded = ideal > 0
    return _percent(found[graded] / ideal[graded]), int(graded.sum())


def _gains(query: np.ndarray, grades: np.ndarray, places: np.ndarray, queries: int) -> np.ndarray:
    """Discounted cumulative gain of each query over its first places, float64 [queries]."""
    seen = places < DEEPEST
    return np.bincount(query[seen], grades[seen] / np.log2(places[seen] + 2.0), queries)


def _by_place(query: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((place, query))
    return query[order], place[order]


def _percent(values: np.ndarray) -> float:
    return 100 * float(np.mean(values))
