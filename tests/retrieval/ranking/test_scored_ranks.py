from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles import ranking
from vsebench.plugin import DataError, GaussianEmbedding, SetEmbedding
from vsebench.retrieval import evaluate

OWNER = torch.tensor([3, 0, 1, 2, 0, 3, 4, 4, 4, 1, 2, 0])


def looked_up(scores: torch.Tensor):  # type: ignore[no-untyped-def]
    """A similarity that returns given scores; embeddings are indices."""
    return lambda image, text: scores[image[:, 0].long()][:, text[:, 0].long()]


def indices(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float32)[:, None]


def test_equals_the_oracle_for_any_scores_and_block() -> None:
    generator = torch.Generator().manual_seed(0)
    for scores in (
        torch.randn(5, 12, generator=generator, dtype=torch.float64),
        torch.randint(-2, 2, (5, 12), generator=generator).double(),
    ):
        expected = ranking.ranks(scores.tolist(), OWNER.tolist())
        for block in (1, 4, 7, 128):
            metrics = evaluate(
                indices(5), indices(12), OWNER, similarity=looked_up(scores), block=block
            )
            assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == expected


def test_the_methods_fixture_counts_ties_against_the_model() -> None:
    """methods F8, rows [.5, .5, .5, .1] and [.2, NaN, .9], and zeros."""
    for row, rank in (
        ([0.5, 0.5, 0.5, 0.1], 2),
        ([0.1, 0.5, 0.5, 0.1], 3),
        ([0.6, 0.5, 0.5, 0.5], 0),
    ):
        scores = torch.full((4, 4), -1.0)
        scores[0] = torch.tensor(row)
        assert (
            evaluate(indices(4), indices(4), range(4), similarity=looked_up(scores)).i2t_ranks[0]
            == rank
        )
    scores = torch.zeros(3, 3)
    scores[1] = torch.tensor([0.2, torch.nan, 0.9])
    with pytest.raises(DataError, match="similarity of image 1 and caption 1 is not finite"):
        evaluate(indices(3), indices(3), range(3), similarity=looked_up(scores), block=2)
    assert set(
        evaluate(
            indices(5000),
            indices(5000),
            range(5000),
            similarity=lambda a, b: a @ b.T * 0,
            block=5000,
        ).t2i_ranks
    ) == {4999}


@pytest.mark.parametrize(("gap", "rank"), [(1e-10, 1), (1e-8, 0)])
@pytest.mark.parametrize("size", [1.0, -1.0, 1e6, 0.0])
def test_near_ties_are_relative_to_the_score(gap: float, rank: int, size: float) -> None:
    """A match that is ahead by less than the rounding that a similarity may have is not ahead."""
    low = size - gap * max(1, abs(size))
    scores = torch.tensor([[size, low], [low, size]], dtype=torch.float64)
    metrics = evaluate(indices(2), indices(2), [0, 1], similarity=looked_up(scores))
    assert metrics.i2t_ranks.tolist() == metrics.t2i_ranks.tolist() == [rank, rank]


def test_a_constant_model_is_below_chance_though_scores_differ_in_their_last_bits() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = 1e-13 * torch.randn(5, 12, generator=generator, dtype=torch.float64)
    metrics = evaluate(indices(5), indices(12), OWNER, similarity=looked_up(0.7 + noise))
    assert metrics.i2t_ranks.tolist() == (12 - OWNER.bincount()).tolist()
    assert set(metrics.t2i_ranks) == {4}


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(6, 6)
        self.dropout = nn.Dropout(0.9)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        assert image.dtype == torch.float64
        return self.dropout(self.weight(image)) @ text.T


def test_a_module_scores_in_float64_and_stays_as_it_was() -> None:
    torch.manual_seed(2)
    image, text, similarity = torch.randn(5, 6), torch.randn(12, 6), Bilinear()
    metrics = evaluate(image.numpy(), text, OWNER, similarity=similarity)
    scores = similarity.weight(image) @ text.T
    assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == ranking.ranks(
        scores.tolist(), OWNER.tolist()
    )
    assert similarity.training
    assert similarity.weight.weight.dtype == torch.float32


def closest_pair(image: SetEmbedding, text: SetEmbedding) -> torch.Tensor:
    scores = torch.einsum("ikd,jld->ijkl", image.vectors, text.vectors)
    valid = image.mask[:, None, :, None] & text.mask[None, :, None, :]
    return scores.masked_fill(~valid, -torch.inf).amax((2, 3))


def test_sets_are_ranked_blockwise_and_their_padding_is_not_read() -> None:
    generator = torch.Generator().manual_seed(3)
    image = SetEmbedding(
        torch.randn(5, 3, 4, generator=generator), torch.rand(5, 3, generator=generator) < 0.7
    )
    text = SetEmbedding(
        torch.randn(12, 2, 4, generator=generator), torch.ones(12, 2, dtype=torch.bool)
    )
    image.mask[:, 0] = True
    image.vectors[~image.mask] = torch.nan
    scores = closest_pair(
        SetEmbedding(image.vectors.nan_to_num().double(), image.mask),
        SetEmbedding(text.vectors.double(), text.mask),
    )
    for block in (2, 128):
        metrics = evaluate(image, text, OWNER, similarity=closest_pair, block=block)
        assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == ranking.ranks(
            scores.tolist(), OWNER.tolist()
        )
    text.vectors[7, 1, 2] = torch.inf
    with pytest.raises(DataError, match=r"^caption embeddings: row 7 "):
        evaluate(image, text, OWNER, similarity=closest_pair)


def test_gaussians_are_checked_and_ranked() -> None:
    generator = torch.Generator().manual_seed(4)
    image, text = (
        GaussianEmbedding(
            torch.randn(n, 4, generator=generator), torch.randn(n, 4, generator=generator)
        )
        for n in (5, 12)
    )

    def distance(a: GaussianEmbedding, b: GaussianEmbedding) -> torch.Tensor:
        return (
            -(torch.cdist(a.mean, b.mean) ** 2)
            - a.log_variance.exp().sum(1)[:, None]
            - b.log_variance.exp().sum(1)
        )

    scores = distance(
        *(GaussianEmbedding(e.mean.double(), e.log_variance.double()) for e in (image, text))
    )
    metrics = evaluate(image, text, OWNER, similarity=distance, block=3)
    assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == ranking.ranks(
        scores.tolist(), OWNER.tolist()
    )
    image.log_variance[2, 0] = torch.nan
    with pytest.raises(DataError, match=r"^image embeddings: row 2 "):
        evaluate(image, text, OWNER, similarity=distance)


def test_folds_apply_to_any_similarity() -> None:
    rng = np.random.default_rng(5)
    image = rng.normal(size=(2000, 8))
    text = image[::-1] + 0.5 * rng.normal(size=(2000, 8))
    owner = np.arange(2000)[::-1]
    exact = evaluate(image, text, owner, protocol="1k-5fold")
    scored = evaluate(
        image, text, owner, protocol="1k-5fold", similarity=lambda a, b: a @ b.T, block=700
    )
    assert exact.as_dict() == scored.as_dict()
    assert exact.t2i_ranks.tolist() == scored.t2i_ranks.tolist()
