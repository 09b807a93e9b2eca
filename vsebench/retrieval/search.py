"""The best matches of some queries in an index of any size, exactly: by NumPy, or by FAISS where it
is installed. Memory is bounded by the block.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from vsebench.plugin import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin.protocols import Similarity

    Block = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

BLOCK = 65_536
"""Rows of the index in memory at a time."""


class Matches(NamedTuple):
    """The best k of each query, best first; equal scores in the order of the index.

    Attributes:
        rows: int64 [q, k], rows of the index.
        scores: float32 [q, k].
    """

    rows: np.ndarray
    scores: np.ndarray


def search(
    queries: np.ndarray,
    index: np.ndarray,
    k: int,
    *,
    similarity: Similarity | None = None,
    block: int = BLOCK,
) -> Matches:
    """The k rows of an index that score highest with each query.

    Args:
        queries: float [q, D], embeddings of captions.
        index: float [n, D], embeddings of images (of any items for the inner product); may be a
            memory map.
        k: number of matches; all of the index where it has fewer.
        similarity: similarity of images and captions; by default the inner product.
        block: rows of the index in memory at a time.

    Raises:
        DataError: the widths differ, or a row is not finite.
        SpecError: k is below 1.
    """
    if k < 1:
        raise SpecError(f"asked for the best {k}: give at least 1")
    if queries.shape[1] != index.shape[1]:
        raise DataError(
            f"the index has rows of width {index.shape[1]}, the model's embeddings have "
            f"{queries.shape[1]}: it was made with another model"
        )
    queries = np.ascontiguousarray(queries, np.float32)
    best = _by_similarity(similarity) if similarity is not None else _inner_products()
    rows = np.zeros((len(queries), 0), np.int64)
    scores = np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(index), block):
        part = np.ascontiguousarray(index[start : start + block], np.float32)
        bad = ~np.isfinite(part).all(1)
        if bad.any():
            raise DataError(
                f"row {start + int(bad.argmax())} of the index is not finite (NaN or infinity): "
                "embed again"
            )
        found, scored = best(queries, part, min(k, len(part)))
        rows = np.concatenate([rows, found + start], axis=1)
        scores = np.concatenate([scores, scored], axis=1)
        order = np.lexsort((rows, -scores), axis=1)[:, :k]
        rows, scores = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
    return Matches(rows, scores)


def uses_faiss() -> bool:
    """Whether inner products are searched by FAISS."""
    return find_spec("faiss") is not None


def _inner_products() -> Block:
    return _by_faiss if uses_faiss() else lambda queries, part, k: _top(queries @ part.T, k)


def _by_faiss(queries: np.ndarray, part: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    library: Any = faiss
    scores, rows = library.knn(
        queries, part, min(k + 1, len(part)), metric=library.METRIC_INNER_PRODUCT
    )
    if scores.shape[1] > k:
        # Of equal scores at the end FAISS keeps any
        tied = np.flatnonzero(scores[:, k] == scores[:, k - 1])
        rows[tied, :k], scores[tied, :k] = _top(queries[tied] @ part.T, k)
    return rows[:, :k], scores[:, :k]


def _by_similarity(similarity: Similarity) -> Block:
    @torch.inference_mode()
    def best(queries: np.ndarray, part: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        scores = similarity(torch.from_numpy(part), torch.from_numpy(queries))
        return _top(scores.float().cpu().numpy().T, k)

    return best


def _top(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The best k columns of each row, of equal ones the first."""
    rows = np.empty((len(scores), k), np.int64)
    for i, row in enumerate(scores):
        least = np.partition(row, len(row) - k)[len(row) - k]
        candidates = np.flatnonzero(row >= least)
        rows[i] = candidates[np.argsort(-row[candidates], kind="stable")[:k]]
    return rows, np.take_along_axis(scores, rows, 1)
