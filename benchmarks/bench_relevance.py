"""Graded relevance and PMRP against the plain way to compute them: a float64 product and one
argsort per query.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data.feature_arrays import RaggedFeatures
from vsebench.retrieval import (
    Judgements,
    Member,
    evaluate_ensemble,
    evaluate_plausible,
    evaluate_relevance,
)

if TYPE_CHECKING:
    from benchmarks.conftest import Compare

WIDTH = 512
SIZES = [
    pytest.param(1000, id="1k"),
    pytest.param(5000, id="5k", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
]


def embeddings(images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit rows with the recalls of a good model, five captions per image."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(images), 5)
    image = _unit(rng.standard_normal((images, WIDTH), dtype=np.float32))
    return (
        image,
        _unit(
            0.5 * image[owner]
            + np.float32(2.5 / WIDTH**0.5)
            * rng.standard_normal((len(owner), WIDTH), dtype=np.float32)
        ),
        owner,
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sparse(images: int, owner: np.ndarray) -> Judgements:
    """An image's own captions and about as many of others, as in ECCV Caption."""
    rng = np.random.default_rng(1)
    pairs = np.unique(
        np.concatenate(
            [
                np.stack([owner, np.arange(len(owner))], 1),
                rng.integers((images, len(owner)), size=(len(owner), 2)),
            ]
        ),
        axis=0,
    )
    return Judgements.from_pairs(pairs[:, 0], pairs[:, 1], np.ones(len(pairs)))


def plain_map_at_r(image: np.ndarray, text: np.ndarray, judged: Judgements) -> float:
    scores = image.astype(np.float64) @ text.astype(np.float64).T
    values = []
    for number, query in enumerate(judged.queries):
        relevant = judged.items[judged.offsets[number] : judged.offsets[number + 1]]
        hits = np.isin(np.argsort(-scores[query])[: len(relevant)], relevant)
        values.append((hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)).mean())
    return 100 * float(np.mean(values))


@pytest.mark.parametrize("images", SIZES)
def test_map_at_r(images: int, benchmark: Any, compare: Compare) -> None:
    image, text, owner = embeddings(images)
    judged = sparse(images, owner)
    assert evaluate_relevance(image, text, judged).map_at_r == pytest.approx(
        plain_map_at_r(image, text, judged)
    )
    compare(
        benchmark,
        partial(evaluate_relevance, image, text, judged),
        partial(plain_map_at_r, image, text, judged),
        rounds=3,
    )


def plain_pmrp(
    image: np.ndarray, text: np.ndarray, owner: np.ndarray, attributes: np.ndarray
) -> tuple[float, float]:
    scores = image.astype(np.float64) @ text.astype(np.float64).T
    found = []
    for matrix, of_query, of_item in (
        (scores, attributes, attributes[owner]),
        (scores.T, attributes[owner], attributes),
    ):
        shares = []
        for query, row in enumerate(matrix):
            distance = (of_query[query] != of_item).sum(1)
            order = np.argsort(-row)
            for most in range(3):
                relevant = distance <= most
                shares.append(relevant[order[: relevant.sum()]].mean())
        found.append(100 * float(np.mean(shares)))
    return found[0], found[1]


@pytest.mark.parametrize("images", SIZES)
def test_pmrp(images: int, benchmark: Any, compare: Compare) -> None:
    image, text, owner = embeddings(images)
    # As many categories as COCO's images show
    attributes = np.random.default_rng(2).random((images, 80)) < 2.9 / 80
    attributes[:, 0] |= ~attributes.any(1)
    found = evaluate_plausible(image, text, owner, attributes)
    assert (found.i2t_pmrp, found.t2i_pmrp) == pytest.approx(
        plain_pmrp(image, text, owner, attributes)
    )
    compare(
        benchmark,
        partial(evaluate_plausible, image, text, owner, attributes),
        partial(plain_pmrp, image, text, owner, attributes),
        rounds=3,
    )


def test_ensemble(benchmark: Any, compare: Compare) -> None:
    """Two models as one product of longer vectors, against two matrices, their mean and an argsort
    per query.
    """
    image, text, owner = embeddings(1000)
    order = np.random.default_rng(3).permutation(WIDTH)
    members = [Member(image, text), Member(image[:, order], text[:, order])]

    def plain() -> tuple[list[int], list[int]]:
        scores = sum(
            m.image.astype(np.float64) @ m.text.astype(np.float64).T for m in members
        ) / len(members)  # type: ignore[union-attr]
        i2t = [
            min(np.flatnonzero(np.isin(np.argsort(-row), range(5 * i, 5 * i + 5))))
            for i, row in enumerate(scores)
        ]
        return i2t, [
            int(np.flatnonzero(np.argsort(-row) == owner[t])[0]) for t, row in enumerate(scores.T)
        ]

    found = evaluate_ensemble(members, owner)
    assert (found.i2t_ranks.tolist(), found.t2i_ranks.tolist()) == plain()
    compare(benchmark, partial(evaluate_ensemble, members, owner), plain, rounds=3)


def test_ragged_gather(benchmark: Any, compare: Compare) -> None:
    """A batch of 128 videos padded and thinned out, against a loop over videos."""
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 90, 500)
    starts = np.cumsum(counts) - counts
    features = RaggedFeatures(
        rng.standard_normal((counts.sum(), 256), dtype=np.float32), starts, counts, 40
    )
    batch = rng.integers(0, 500, 128)

    def one_by_one() -> np.ndarray:
        out = np.zeros((len(batch), 40, 256), np.float32)
        for place, video in enumerate(batch):
            frames = features.rows[starts[video] : starts[video] + counts[video]]
            chosen = (
                frames
                if len(frames) <= 40
                else frames[[int((k + 0.5) * len(frames) / 40) for k in range(40)]]
            )
            out[place, : len(chosen)] = chosen
        return out

    np.testing.assert_array_equal(features[batch], one_by_one())
    compare(benchmark, lambda: features[batch], one_by_one)
