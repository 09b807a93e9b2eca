"""Contrastive losses by plain loops over nested lists, each the mean over both directions and the
batch.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

Matrix = Sequence[Sequence[float]]
Mask = Sequence[Sequence[bool]]
Query = Callable[[Matrix, Mask, int], float]


def both_directions(scores: Matrix, positives: Mask, query: Query) -> float:
    """The mean of `query(rows, mask, i)` over the images and over the captions."""
    turned, mask = (
        [list(column) for column in zip(*scores, strict=True)],
        [list(column) for column in zip(*positives, strict=True)],
    )
    batch = range(len(scores))
    return statistics.fmean(
        [query(scores, positives, i) for i in batch] + [query(turned, mask, i) for i in batch]
    )


def cross_entropy(positive: float, negatives: Sequence[float]) -> float:
    """−log of the positive's softmax probability, from logits."""
    largest = max([positive, *negatives])
    return math.log(sum(math.exp(x - largest) for x in (positive, *negatives))) + largest - positive


def infonce(scores: Matrix, positives: Mask, *, scale: float, margin: float = 0.0) -> float:
    def query(rows: Matrix, mask: Mask, i: int) -> float:
        negatives = [(rows[i][j] + margin) * scale for j in range(len(rows)) if not mask[i][j]]
        return statistics.fmean(
            cross_entropy(rows[i][j] * scale, negatives) for j in range(len(rows)) if mask[i][j]
        )

    return both_directions(scores, positives, query)


def siglip(scores: Matrix, positives: Mask, *, scale: float, bias: float) -> float:
    total = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            label = 1 if positives[i][j] else -1
            total += math.log1p(math.exp(-label * (scale * scores[i][j] + bias)))
    return total / len(scores)


def selhn(scores: Matrix, positives: Mask, *, margin: float, epsilon: float) -> float:
    def query(rows: Matrix, mask: Mask, i: int) -> float:
        own, negatives = rows[i][i], [rows[i][j] for j in range(len(rows)) if not mask[i][j]]
        if not negatives:
            return 0.0
        hardest = max(negatives)
        counted = negatives if abs(own - hardest) < epsilon else [hardest]
        return statistics.fmean(max(0.0, margin + score - own) for score in counted)

    return both_directions(scores, positives, query)


def adaptive_count(scores: Matrix, scale: float) -> int:
    batch = len(scores)
    align = statistics.fmean(scores[i][i] for i in range(batch))
    unif = statistics.fmean(
        math.exp(0.0 if i == j else -scores[i][j]) for i in range(batch) for j in range(batch)
    )
    return min(max(math.trunc(math.cos(max(align + unif, 0.0) ** scale) * batch) + 1, 1), batch - 1)


def adaptive(
    scores: Matrix,
    positives: Mask,
    n: int,
    *,
    temperature: float,
    margin: float,
    reference: bool = False,
) -> float:
    def query(rows: Matrix, mask: Mask, i: int) -> float:
        if reference:
            order = sorted(
                range(len(rows)), key=lambda j: 0.0 if i == j else rows[i][j], reverse=True
            )
        else:
            order = sorted(
                (j for j in range(len(rows)) if not mask[i][j]),
                key=lambda j: rows[i][j],
                reverse=True,
            )
        return cross_entropy(
            rows[i][i] / temperature, [(rows[i][j] + margin) / temperature for j in order[:n]]
        )

    return both_directions(scores, positives, query)
