from __future__ import annotations

import torch

from vsebench.plugin import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.embeddings import apply, concatenate, normalise, representative


def test_normalising_gives_unit_vectors_of_each_kind() -> None:
    torch.manual_seed(0)
    plain = normalise(torch.randn(3, 4))
    torch.testing.assert_close(torch.linalg.vector_norm(plain, dim=1), torch.ones(3))  # type: ignore[arg-type]
    sets = normalise(SetEmbedding(torch.randn(3, 2, 4), torch.ones(3, 2, dtype=torch.bool)))
    assert isinstance(sets, SetEmbedding)
    torch.testing.assert_close(torch.linalg.vector_norm(sets.vectors, dim=2), torch.ones(3, 2))
    gaussian = normalise(GaussianEmbedding(torch.randn(3, 4), torch.randn(3, 4)))
    assert isinstance(gaussian, GaussianEmbedding)
    torch.testing.assert_close(torch.linalg.vector_norm(gaussian.mean, dim=1), torch.ones(3))


def test_a_zero_vector_stays_finite_and_has_a_finite_gradient() -> None:
    vector = torch.zeros(2, 4, requires_grad=True)
    out = normalise(vector)
    out.sum().backward()  # type: ignore[union-attr]
    assert torch.equal(out, torch.zeros(2, 4))  # type: ignore[arg-type]
    assert vector.grad is not None
    assert torch.isfinite(vector.grad).all()


def test_parts_are_put_together_field_by_field() -> None:
    parts = [
        SetEmbedding(torch.full((n, 2, 3), float(n)), torch.ones(n, 2, dtype=torch.bool))
        for n in (1, 2)
    ]
    whole = concatenate(parts)
    assert isinstance(whole, SetEmbedding)
    assert whole.vectors[:, 0, 0].tolist() == [1, 2, 2]
    doubled = apply(whole, lambda tensor: tensor * 2)
    assert isinstance(doubled, SetEmbedding)
    assert doubled.vectors[:, 0, 0].tolist() == [2, 4, 4]


def test_the_representative_of_a_set_ignores_what_its_mask_leaves_out() -> None:
    vectors = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [torch.nan, 5.0]]])
    got = representative(SetEmbedding(vectors, torch.tensor([[True, True, False]])))
    torch.testing.assert_close(got, torch.full((1, 2), 0.5**0.5))
