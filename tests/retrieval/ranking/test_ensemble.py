from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles import ranking
from vsebench.plugin import DataError, SetEmbedding, SpecError
from vsebench.retrieval import evaluate
from vsebench.retrieval.ranking.ensemble import Member, evaluate_ensemble

OWNER = np.random.default_rng(0).permutation(np.arange(60) % 20)


def member(width: int, seed: int, dtype: torch.dtype = torch.float32) -> Member:
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(20, width, generator=generator)
    text = image[OWNER] + torch.randn(60, width, generator=generator)
    return Member(image.to(dtype), text.to(dtype))


def total(members: list[Member]) -> list[list[float]]:
    scores = [
        np.array(ranking.inner_products(m.image.double().numpy(), m.text.double().numpy()))
        for m in members
    ]
    return np.sum(scores, axis=0).tolist()


def test_ranks_are_those_of_the_mean_of_the_matrices() -> None:
    members = [member(5, 1), member(9, 2, torch.float16), member(3, 3, torch.float64)]
    expected = ranking.ranks(total(members), OWNER.tolist())
    for block in (3, None):
        found = evaluate_ensemble(members, OWNER, block=block)
        assert (found.i2t_ranks.tolist(), found.t2i_ranks.tolist()) == expected
    arrays = [Member(m.image.numpy(), m.text.numpy()) for m in members]
    assert evaluate_ensemble(arrays, OWNER).i2t_ranks.tolist() == expected[0]
    scored = evaluate_ensemble(
        [*arrays[:2], Member(arrays[2].image, arrays[2].text, lambda a, b: a @ b.T)], OWNER
    )
    assert scored.t2i_ranks.tolist() == expected[1]
    assert expected[0] != ranking.ranks(total(members[:1]), OWNER.tolist())[0]


def test_a_model_twice_is_the_model() -> None:
    """Doubled sums are exact, so that even ties stay as they are."""
    generator = torch.Generator().manual_seed(4)
    once = Member(
        torch.randint(-1, 2, (20, 3), generator=generator).float(),
        torch.randint(-1, 2, (60, 3), generator=generator).float(),
    )
    found, single = evaluate_ensemble([once, once], OWNER), evaluate(once.image, once.text, OWNER)
    assert found.i2t_ranks.tolist() == single.i2t_ranks.tolist()
    assert found.t2i_ranks.tolist() == single.t2i_ranks.tolist()


class Distance(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        assert image.dtype == self.scale.dtype == torch.float64
        return -torch.cdist(image, text) * self.scale


def nearest(image: SetEmbedding, text: SetEmbedding) -> torch.Tensor:
    return torch.einsum("ikd,jld->ijkl", image.vectors, text.vectors).amax((2, 3))


def test_other_similarities_are_averaged_block_by_block() -> None:
    plain, far = member(5, 5), member(4, 6)
    generator = torch.Generator().manual_seed(7)
    sets = [
        SetEmbedding(torch.randn(n, 2, 3, generator=generator), torch.ones(n, 2, dtype=torch.bool))
        for n in (20, 60)
    ]
    scores = plain.image.double() @ plain.text.double().T - 2 * torch.cdist(
        far.image.double(), far.text.double()
    )
    scores += nearest(*(SetEmbedding(s.vectors.double(), s.mask) for s in sets))
    members = [plain, Member(far.image, far.text, Distance()), Member(*sets, nearest)]
    for block in (7, None):
        found = evaluate_ensemble(members, OWNER, block=block)
        assert (found.i2t_ranks.tolist(), found.t2i_ranks.tolist()) == ranking.ranks(
            scores.tolist(), OWNER.tolist()
        )
    assert next(members[1].similarity.parameters()).dtype == torch.float32
    sets[1].vectors[3] = torch.nan
    with pytest.raises(DataError, match=r"^caption embeddings: row 3 "):
        evaluate_ensemble(members, OWNER)


def test_members_embed_the_same_items() -> None:
    with pytest.raises(DataError, match="found text embeddings of 59 and 60 items"):
        evaluate_ensemble([member(5, 1), Member(member(5, 1).image, member(5, 1).text[1:])], OWNER)


def test_a_members_sides_have_one_width() -> None:
    """Laid end to end, what one member has too much would be scored with the next one's."""
    wide, narrow = member(6, 8), member(4, 9)
    crossed = [Member(narrow.image, wide.text), Member(wide.image, narrow.text)]
    with pytest.raises(DataError, match=r"member 0 .* width, found 4 and 6"):
        evaluate_ensemble(crossed, OWNER)


def test_an_ensemble_has_members() -> None:
    with pytest.raises(DataError, match="no members"):
        evaluate_ensemble([], OWNER)


def test_sets_need_a_similarity() -> None:
    sets = [
        SetEmbedding(torch.randn(n, 2, 5), torch.ones(n, 2, dtype=torch.bool)) for n in (20, 60)
    ]
    with pytest.raises(SpecError, match="member 0 has sets or distributions"):
        evaluate_ensemble([Member(*sets), member(5, 1)], OWNER)
