"""Slow, obviously right metrics of graded relevance, from whole lists."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Grades = dict[int, dict[int, float]]
"""query → item → grade; an item below 0 is one that the collection lacks."""


def worst_list(
    scores: Sequence[float], grades: Mapping[int, float], *, condensed: bool, hidden: int | None
) -> list[int]:
    """Items from the best score down; among equal scores the unjudged first, then by rising
    grade.
    """
    listed = [
        item for item in range(len(scores)) if item != hidden and (item in grades or not condensed)
    ]
    return sorted(listed, key=lambda item: (-scores[item], grades.get(item, -1.0)))


def metrics(
    scores: Sequence[Sequence[float]],
    grades: Grades,
    *,
    relevant_from: float | None = None,
    condensed: bool = False,
    same: bool = False,
) -> dict[str, float]:
    """What the list of every judged query amounts to."""
    per_query: dict[str, list[float]] = {
        name: [] for name in ("map_at_r", "r_precision", "r1", "r5", "r10", "ndcg_at_10")
    }
    pairs = 0
    for query, judged in grades.items():
        order = worst_list(
            scores[query], judged, condensed=condensed, hidden=query if same else None
        )
        relevant = {
            item
            for item, grade in judged.items()
            if grade > 0 and (relevant_from is None or grade >= relevant_from)
        }
        pairs += len(relevant)
        if relevant:
            hits = [item in relevant for item in order]
            size = len(relevant)
            precisions = [
                sum(hits[: place + 1]) / (place + 1) if place < len(hits) and hits[place] else 0.0
                for place in range(size)
            ]
            per_query["map_at_r"].append(statistics.fmean(precisions))
            per_query["r_precision"].append(sum(hits[:size]) / size)
            for depth in (1, 5, 10):
                per_query[f"r{depth}"].append(float(any(hits[:depth])))
        ideal = _dcg(sorted(judged.values(), reverse=True))
        if ideal > 0:
            per_query["ndcg_at_10"].append(_dcg([judged.get(item, 0.0) for item in order]) / ideal)
    counts = {
        "queries": len(per_query["r1"]),
        "graded_queries": len(per_query["ndcg_at_10"]),
        "relevant": pairs,
    }
    return {
        **counts,
        **{name: 100 * statistics.fmean(values) for name, values in per_query.items()},
    }


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains[:10], start=1))
