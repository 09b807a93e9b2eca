"""Evaluation of label rankings: `evaluate` for factors, `evaluate_scores` for any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.annotation.count import FactorScores, FunctionScores, Queries, count_above
from vsebench.annotation.metrics import AnnotationMetrics
from vsebench.kernels.rows import Rows
from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.annotation.count import ScoreFunction, Scores
    from vsebench.plugin import Positives

_TILE = 1 << 23
"""Scores of a block, unless it is given: 32 MiB."""

_COMPILE_FROM = 4_000_000
"""Scores from which loading numba, half a second, is repaid."""


@torch.inference_mode()
def evaluate(
    image_factors: Tensor | np.ndarray,
    label_factors: Tensor | np.ndarray,
    positives: Positives,
    known: Positives | None = None,
    *,
    block: int | None = None,
) -> AnnotationMetrics:
    """Ranks all labels for each image by the inner product of their factors, exactly, in memory
    bounded by the block.

    A negative that scores as high as a positive stands before it, so that a constant model is at
    the bottom. The result does not depend on block, device or threads.

    Args:
        image_factors: [n, D] floats, on any device; D = 0 is refused.
        label_factors: [labels, D].
        positives: the labels of the n images to find.
        known: labels of the same images that are excluded from their rankings; see
            `AnnotationData.known`.
        block: images at a time, by default as many as make eight million scores.

    Raises:
        DataError: factors that are not finite or do not fit each other or the positives; a label
            that is both looked for and known; nothing to rank.
        SpecError: a block below 1.
    """
    images = Rows.checked("image", image_factors)
    labels = Rows.checked("label", label_factors, images.device)
    if images.width != labels.width:
        raise DataError(
            f"image and label embeddings must have one width, found {images.width} and "
            f"{labels.width}"
        )
    if (len(images), len(labels)) != (len(positives), positives.n_labels):
        raise DataError(
            f"there are embeddings of {len(images):,} images and {len(labels):,} labels, and "
            f"positives of {len(positives):,} and {positives.n_labels:,}"
        )
    compiled = len(images) * len(labels) >= _COMPILE_FROM
    return _evaluate(
        FactorScores(images, labels, compiled=compiled), positives, known, block, compiled=compiled
    )


@torch.inference_mode()
def evaluate_scores(
    function: ScoreFunction,
    positives: Positives,
    known: Positives | None = None,
    *,
    block: int | None = None,
) -> AnnotationMetrics:
    """As `evaluate`, with scores from a function of int64 [b], the rows of images, that returns [b,
    labels] floats, compared without tolerance.

    Raises:
        DataError: scores of another shape or that are not finite; a label that is both looked for
            and known; nothing to rank.
        SpecError: a block below 1.
    """
    compiled = len(positives) * positives.n_labels >= _COMPILE_FROM
    return _evaluate(
        FunctionScores(function, positives.n_labels), positives, known, block, compiled=compiled
    )


def _evaluate(
    scores: Scores,
    positives: Positives,
    known: Positives | None,
    block: int | None,
    *,
    compiled: bool,
) -> AnnotationMetrics:
    if block is not None and block < 1:
        raise SpecError(f"block is the number of images at a time, at least 1, found {block}")
    hidden = positives if known is None else _hidden(positives, known)
    negatives = positives.n_labels - hidden.counts
    images = np.flatnonzero((positives.counts > 0) & (negatives > 0))
    if len(images) == 0:
        raise DataError(
            "no image has both a label that is looked for and one that is not: there is nothing "
            "to rank"
        )
    wanted = positives.select(images)
    block = block or max(1, _TILE // positives.n_labels)
    queries = Queries(images, wanted, hidden.select(images))
    above = count_above(scores, queries, block, compiled=compiled)
    return AnnotationMetrics.from_counts(images, wanted, above, negatives[images])


def _hidden(positives: Positives, known: Positives) -> Positives:
    """The labels that do not compete with a positive: the other positives and the known ones."""
    if (len(known), known.n_labels) != (len(positives), positives.n_labels):
        raise DataError(
            f"positives of {len(positives):,} images × {positives.n_labels:,} labels, known ones "
            f"of {len(known):,} × {known.n_labels:,}"
        )
    both = known.contains(positives.images(), positives.labels)
    if both.any():
        pair = int(both.argmax())
        raise DataError(
            f"image {positives.images()[pair]} has label {positives.labels[pair]} both among the "
            "positives and among the known ones"
        )
    return positives.union(known)
