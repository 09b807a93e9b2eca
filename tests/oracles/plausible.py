"""PMRP from whole lists, as its paper defines it."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def pmrp(
    scores: Sequence[Sequence[float]],
    of_query: Sequence[Sequence[int]],
    of_item: Sequence[Sequence[int]],
) -> list[float]:
    """R-Precision in percent at distances 0, 1 and 2; rows of attributes that are all 0 take no
    part, and ties count against the model.
    """
    shares: list[list[float]] = [[], [], []]
    items = [item for item, attributes in enumerate(of_item) if any(attributes)]
    for query, attributes in enumerate(of_query):
        if not any(attributes):
            continue
        for most, share in enumerate(shares):
            relevant = {
                item
                for item in items
                if sum(a != b for a, b in zip(attributes, of_item[item], strict=True)) <= most
            }
            order = sorted(items, key=lambda item: (-scores[query][item], item in relevant))
            share.append(len(relevant.intersection(order[: len(relevant)])) / len(relevant))
    return [100 * statistics.fmean(share) for share in shares]
