"""Plausible-match R-Precision (PMRP): what `vsebench.retrieval.evaluate_plausible` does.

Chun et al. 2021, Probabilistic Embeddings for Cross-Modal Retrieval, section 4.1: every image has a
set of attributes (of COCO, its object categories). An image and a caption match plausibly at
distance ζ when the attributes of the image and those of the caption's own image differ in at most ζ
places. With R the number of plausible matches of a query, R-Precision is the share of them among
its first R items; PMRP is the mean over queries and over ζ = 0, 1, 2. Images without any attribute,
with their captions, are neither queries nor items, as in the released code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.gemm import true_float32
from vsebench.plugin.errors import DataError, SpecError
from vsebench.retrieval.ranking.evaluation import checked_owner
from vsebench.retrieval.ranking.relevance import checked_rows
from vsebench.retrieval.ranking.scored import Items, as_float64
from vsebench.retrieval.ranking.top_share import (
    ExactRows,
    Ranked,
    ScoredRows,
    count,
    relevant_among_first,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding

DISTANCES = (0, 1, 2)
"""ζ of the paper."""

_SCORES = 1 << 21  # that are held at a time: 8 MiB in fp32


@dataclass(frozen=True)
class PlausibleMetrics:
    """PMRP in percent, and the R-Precisions that it averages.

    Attributes:
        i2t_pmrp: image to text.
        t2i_pmrp: text to image.
        i2t: R-Precision at each of `DISTANCES`.
        t2i: R-Precision of captions that retrieve images, at each of `DISTANCES`.
        images: number of images that have an attribute.
        captions: number of captions of these images.
    """

    i2t_pmrp: float
    t2i_pmrp: float
    i2t: tuple[float, ...]
    t2i: tuple[float, ...]
    images: int
    captions: int


@torch.inference_mode()
def evaluate_plausible(  # noqa: PLR0913  # the options have defaults
    image_emb: Embedding | np.ndarray,
    text_emb: Embedding | np.ndarray,
    text_to_image: Tensor | np.ndarray | Sequence[int],
    attributes: np.ndarray,
    *,
    similarity: Similarity | None = None,
    block: int | None = None,
) -> PlausibleMetrics:
    """PMRP in both directions, exactly, ties against the model, in memory bounded by the block.

    Args:
        image_emb: [n, D] as for `evaluate`.
        text_emb: [m, D] likewise.
        text_to_image: [m] integers, the image of each caption.
        attributes: [n, A], 0 or 1: which attributes an image has.
        similarity: instead of the inner product, as for `evaluate`.
        block: queries whose scores are held at a time, each a whole row; by default as many as fit
            8 MiB.

    Raises:
        DataError: embeddings, map or attributes are not valid, or no image has an attribute.
        SpecError: a block below 1.
    """
    if block is not None and block < 1:
        raise SpecError(f"block is the number of queries at a time, at least 1, found {block}")
    every = _ranked(image_emb, text_emb, similarity)
    owner = checked_owner(text_to_image, len(every.queries), len(every.items))
    labels = _checked_attributes(attributes, len(every.queries))
    having = labels.sum(1) > 0
    images, captions = np.flatnonzero(having), np.flatnonzero(having[owner])
    of_image, of_caption = labels[images], labels[owner[captions]]
    ranked = every.among(images, captions)
    with true_float32(fast=ranked.queries.device.type == "cpu"):
        i2t = _r_precision(ranked, of_image, of_caption, block)
        t2i = _r_precision(ranked.reversed(), of_caption, of_image, block)
    return PlausibleMetrics(
        float(np.mean(i2t)), float(np.mean(t2i)), i2t, t2i, len(images), len(captions)
    )


def _ranked(
    image_emb: Embedding | np.ndarray,
    text_emb: Embedding | np.ndarray,
    similarity: Similarity | None,
) -> Ranked:
    """Images against captions."""
    if similarity is None:
        return ExactRows(*checked_rows(image_emb, text_emb, ("image", "caption")))
    items = Items.checked("image", image_emb)
    return ScoredRows(
        items, Items.checked("caption", text_emb, items.device), as_float64(similarity)
    )


def _checked_attributes(attributes: np.ndarray, images: int) -> np.ndarray:
    """float32 [images, A]."""
    if attributes.ndim != 2 or len(attributes) != images or not np.isin(attributes, (0, 1)).all():
        raise DataError(
            f"attributes must be 0 or 1, one row for each of the {images:,} images, found "
            f"{attributes.dtype} {attributes.shape}"
        )
    if not attributes.any():
        raise DataError("no image has an attribute, so that nothing matches plausibly")
    return attributes.astype(np.float32)


def _r_precision(
    ranked: Ranked, of_query: np.ndarray, of_item: np.ndarray, block: int | None
) -> tuple[float, ...]:
    """R-Precision in percent at each distance, of queries among items with these attributes."""
    shares: list[list[np.ndarray]] = [[] for _ in DISTANCES]
    mine, labels = (
        torch.from_numpy(each).to(ranked.queries.device) for each in (of_query, of_item)
    )
    step = block or max(1, _SCORES // len(labels))
    for start in range(0, len(mine), step):
        part = slice(start, min(start + step, len(mine)))
        # Exact: small whole numbers
        distance = mine[part].sum(1)[:, None] + labels.sum(1) - 2 * mine[part] @ labels.T
        scored = ranked.scored(part)
        for share, most in zip(shares, DISTANCES, strict=True):
            relevant = distance <= most
            size = count(relevant)
            share.append((relevant_among_first(scored, relevant, size) / size).cpu().numpy())
    return tuple(100 * float(np.concatenate(share).mean(dtype=np.float64)) for share in shares)
