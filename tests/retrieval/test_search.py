"""Search against a full sort of float64 scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vsebench.plugin import DataError, SpecError
from vsebench.retrieval import search as module
from vsebench.retrieval.search import search

if TYPE_CHECKING:
    import torch


def rows(n: int, seed: int, width: int = 8) -> np.ndarray:
    """Unit vectors in float32."""
    found = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def expected(queries: np.ndarray, index: np.ndarray, k: int) -> list[list[int]]:
    scores = queries.astype(np.float64) @ index.astype(np.float64).T
    return [sorted(range(len(index)), key=lambda i, s=line: (-s[i], i))[:k] for line in scores]


@pytest.fixture(params=["numpy", "faiss"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "faiss":
        pytest.importorskip("faiss")
    monkeypatch.setattr(module, "uses_faiss", lambda: request.param == "faiss")
    return str(request.param)


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
@pytest.mark.parametrize("k", [1, 5, 200, 300])
def test_it_finds_what_a_full_sort_finds(engine: str, block: int, k: int) -> None:
    queries, index = rows(4, 0), rows(200, 1)
    found = search(queries, index, k, block=block)
    assert found.rows.tolist() == expected(queries, index, k)
    assert found.rows.dtype == np.int64
    assert found.scores == pytest.approx(
        np.take_along_axis(queries @ index.T, found.rows, 1), abs=1e-6
    )


def test_equal_scores_stand_in_the_order_of_the_index(engine: str) -> None:
    index = np.repeat(np.eye(4, dtype=np.float32)[[0, 1]], 50, axis=0)
    for block in (3, 30, 1000):
        for k in (1, 20, 60, 100):
            found = search(np.eye(4, dtype=np.float32)[:2], index, k, block=block)
            assert found.rows[0].tolist() == list(range(k))
            assert found.rows[1].tolist() == [*range(50, 100), *range(50)][:k]


def test_any_similarity_ranks(engine: str) -> None:
    def opposite(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return -(image @ text.T)

    queries, index = rows(3, 0), rows(50, 1)
    found = search(queries, index, 5, similarity=opposite, block=8)
    assert found.rows.tolist() == expected(queries, -index, 5)


def test_what_cannot_be_searched(engine: str) -> None:
    index = rows(50, 1)
    assert search(rows(0, 0), index, 3).rows.shape == (0, 3)
    with pytest.raises(DataError, match="rows of width 8, the model's embeddings have 4"):
        search(rows(1, 0, 4), index, 3)
    with pytest.raises(SpecError, match="asked for the best 0: give at least 1"):
        search(rows(1, 0), index, 0)
    index[37, 2] = np.nan
    with pytest.raises(DataError, match="row 37 of the index is not finite"):
        search(rows(1, 0), index, 3, block=8)
