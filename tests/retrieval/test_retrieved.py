from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vsebench.plugin import SetEmbedding
from vsebench.retrieval.shown import CANDIDATES, Gallery, retrieved, worst


def by_hand(scores: np.ndarray, queries: list[int], first: int = 0) -> list[list[int]]:
    """The top of each query's ranking, one after the other."""
    rows = []
    for query in queries:
        order = sorted(range(scores.shape[1]), key=lambda item: (-scores[query, item], item))
        top = [item + first for item in order[:CANDIDATES]]
        rows.append(top + [-1] * (CANDIDATES - len(top)))
    return rows


def gallery(images: int, texts: int, seed: int) -> Gallery:
    """Whole numbers, of which many products are equal."""
    rng = np.random.default_rng(seed)
    image, text = (rng.integers(-2, 3, size=(n, 3)).astype(np.float32) for n in (images, texts))
    return Gallery(torch.from_numpy(image), torch.from_numpy(text))


def products(made: Gallery) -> np.ndarray:
    image, text = (np.asarray(each, dtype=np.float64) for each in made)
    return image @ text.T


@pytest.mark.parametrize("seed", range(5))
def test_the_top_of_the_rankings(seed: int) -> None:
    made = gallery(7, 30, seed)
    i2t, t2i = np.array([3, 0, 6]), np.array([29, 5])
    found = retrieved([made], None, (i2t, t2i))
    assert found["i2t"].tolist() == [3, 0, 6]
    assert found["i2t_top"].tolist() == by_hand(products(made), [3, 0, 6])
    assert found["t2i"].tolist() == [29, 5]
    assert found["t2i_top"].tolist() == by_hand(products(made).T, [29, 5])
    assert {array.dtype for array in found.values()} == {np.dtype(np.int32)}


def test_fewer_items_than_are_kept() -> None:
    made = gallery(2, 3, 0)
    found = retrieved([made], None, (np.array([1]), np.array([2])))
    assert found["i2t_top"].tolist() == by_hand(products(made), [1])
    assert found["t2i_top"][0, 2:].tolist() == [-1] * 3


def test_each_gallery_is_ranked_by_itself_and_counted_on() -> None:
    one, two = gallery(4, 12, 1), gallery(3, 9, 2)
    found = retrieved([one, two], None, (np.array([6, 1]), np.array([0, 20])))
    assert found["i2t_top"].tolist() == [
        *by_hand(products(two), [2], first=12),
        *by_hand(products(one), [1]),
    ]
    assert found["t2i_top"].tolist() == [
        *by_hand(products(one).T, [0]),
        *by_hand(products(two).T, [8], first=4),
    ]


class Furthest(nn.Module):
    """The larger the distance of the first vectors, the more similar; unlike for swapped sides."""

    def forward(self, image: SetEmbedding, text: SetEmbedding) -> Tensor:
        return torch.cdist(2 * image.vectors[:, 0], text.vectors[:, 0])


def test_a_similarity_of_sets_scores_images_against_captions() -> None:
    image, text = (side[:, None] for side in gallery(5, 8, 3))  # type: ignore[index]
    sets = Gallery(
        *(SetEmbedding(v, torch.ones(v.shape[:2], dtype=torch.bool)) for v in (image, text))
    )
    scores = torch.cdist(2 * image[:, 0].double(), text[:, 0].double()).numpy().round(9)
    found = retrieved([sets], Furthest(), (np.array([4]), np.array([7])))
    top = found["i2t_top"][0]
    assert scores[4, top].tolist() == sorted(scores[4], reverse=True)[:CANDIDATES]
    top = found["t2i_top"][0]
    assert scores[top, 7].tolist() == sorted(scores[:, 7], reverse=True)[:CANDIDATES]


def test_the_worst_ranks_come_first() -> None:
    assert worst(np.array([4, 9, 0, 9, 5]), 4).tolist() == [1, 3, 4, 0]
    assert worst(np.array([4, 9], dtype=np.uint8), 4).tolist() == [1, 0]
