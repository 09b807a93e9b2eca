"""Places of judged items in their queries' lists, from scores; ties count against the model.

Of two items with equal scores the less relevant stands first, and an item that nobody judged before
any judged one: the worst list that the scores allow, as `ranks` has it for one best match.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.retrieval.ranking.judgements import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.retrieval.ranking.judgements import Judgements

NEVER = np.iinfo(np.int64).max
"""The place of an item that the collection lacks."""


def place(
    judged: Judgements, scores: np.ndarray, outside: Callable[[np.ndarray], np.ndarray] | None
) -> np.ndarray:
    """Places from 0 of every judged item in its query's list.

    Args:
        judged: the judgements.
        scores: float64 [p] of the judged items; of an absent one, anything.
        outside: given thresholds, float64 [q, K] ascending in each row and filled up with infinity,
            says how many unjudged items score at least as high as each, int64 [q, K]. None where
            the list holds judged items only.

    Returns:
        int64 [p].
    """
    present = np.flatnonzero(judged.items != ABSENT)
    # From the last place to the first
    present = present[
        np.lexsort((-judged.grades[present], scores[present], judged.query_of[present]))
    ]
    query = judged.query_of[present]
    sizes = np.bincount(query, minlength=len(judged.queries))
    within = np.arange(len(present)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = sizes[query] - 1 - within
    if outside is not None and len(present):
        thresholds = np.full((len(sizes), sizes.max()), np.inf)
        thresholds[query, within] = scores[present]
        found = found + outside(thresholds)[query, within]
    places = np.full(len(judged.items), NEVER)
    places[present] = found
    return places
