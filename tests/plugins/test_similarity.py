from __future__ import annotations

import pytest
import torch

from vsebench.plugin import GaussianEmbedding, SetEmbedding, SpecError
from vsebench_plugins.classic.similarity import Dot


def test_is_the_inner_product_of_every_pair() -> None:
    torch.manual_seed(0)
    image, text = torch.randn(3, 5, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    scores = Dot()(image, text)
    assert scores.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            assert scores[i, j].item() == pytest.approx(sum((image[i] * text[j]).tolist()))


@pytest.mark.parametrize(
    "other",
    [
        SetEmbedding(torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)),
        GaussianEmbedding(torch.zeros(2, 4), torch.zeros(2, 4)),
    ],
)
def test_says_what_it_cannot_score(other: SetEmbedding | GaussianEmbedding) -> None:
    with pytest.raises(SpecError, match=f"'dot' scores vectors.*{type(other).__name__}"):
        Dot()(torch.zeros(2, 4), other)
