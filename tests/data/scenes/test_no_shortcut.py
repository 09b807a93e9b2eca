"""Controls: neither the number of regions nor the length of a caption gives an image away."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from vsebench.data.scenes.blocks import Block, Options, generate
from vsebench.data.words import tokenise

IMAGES = 12 * 128
OWNER = np.repeat(np.arange(IMAGES), 5)


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    return [generate(Options(seed=11), "test", i) for i in range(12)]


@pytest.fixture(scope="module")
def regions(blocks) -> np.ndarray:
    return np.concatenate([b.lengths for b in blocks])


@pytest.fixture(scope="module")
def words(blocks) -> np.ndarray:
    return np.array([len(tokenise(caption)) for b in blocks for caption in b.captions])


def test_counts_are_not_correlated(blocks, regions, words):
    objects = np.concatenate([b.scenes.count for b in blocks])
    mean_words = words.reshape(-1, 5).mean(1)
    for a, b in ((regions, mean_words), (regions, objects), (objects, mean_words)):
        assert abs(spearmanr(a, b).statistic) < 4 / np.sqrt(IMAGES)


def test_the_lengths_of_an_images_captions_are_no_more_alike_than_any(words):
    """Intraclass correlation, zero for lengths drawn without regard to the image."""
    table = words.reshape(-1, 5)
    between, within = 5 * table.mean(1).var(ddof=1), table.var(1, ddof=1).mean()
    assert abs((between - within) / (between + 4 * within)) < 4 / np.sqrt(IMAGES * 10)


def _recall_at_10(image: np.ndarray, text: np.ndarray) -> float:
    """Share of captions whose image is among the ten of the nearest rank-transformed value, ties
    broken by chance.
    """
    rng = np.random.default_rng(0)
    x, y = (np.argsort(np.argsort(v + 1e-6 * rng.random(len(v)))) / len(v) for v in (image, text))
    distance = np.abs(x[None] - y[:, None])
    return float(((distance < distance[np.arange(len(y)), OWNER][:, None]).sum(1) < 10).mean())


def test_retrieval_by_counts_alone_is_at_chance(regions, words):
    """What pooling can see of the real counts when the rows hold noise: the norm of their mean, and
    their maximum.
    """
    rng = np.random.default_rng(1)
    rows = [rng.standard_normal((n, 8)) for n in regions]
    chance = 10 / IMAGES
    spread = 4 * np.sqrt(chance / len(words)) + chance
    for seen in (
        np.array([np.linalg.norm(r.mean(0)) for r in rows]),
        np.array([r.max() for r in rows]),
        regions.astype(float),
    ):
        for sign in (1, -1):
            assert _recall_at_10(sign * seen, words.astype(float)) < chance + spread


def test_the_control_would_notice_a_shortcut(regions):
    assert (
        _recall_at_10(
            regions.astype(float),
            np.repeat(regions, 5) + np.random.default_rng(0).standard_normal(5 * IMAGES),
        )
        > 4 * 10 / IMAGES
    )
