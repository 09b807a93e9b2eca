"""Batches that a tower embeds together, against each by itself."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from vsebench import create
from vsebench.plugin import GaussianEmbedding, PoolingOutput, SetEmbedding
from vsebench.retrieval.embeddings import chunks, concatenate
from vsebench.retrieval.inputs.padded import Kept, Padded
from vsebench.retrieval.model import Tower

DIM = 8
BATCH = 5


class Counting(nn.Module):
    """A pooling that counts its calls and has a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = create("pooling", "gpo", dim=DIM)
        self.calls = 0

    def forward(self, features: Tensor, lengths: Tensor) -> PoolingOutput:
        self.calls += 1
        return PoolingOutput(self.inner(features, lengths), {"size": features.mean()})


def batches() -> list[Padded]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for width in (4, 7, 6):
        values = torch.randn(BATCH, width, 6, generator=generator, dtype=torch.float64)
        lengths = torch.randint(1, width + 1, (BATCH,), generator=generator)
        made.append(Padded(values, lengths))
    return made


@pytest.mark.parametrize("encoder", ["region", "grid", "region:count_padding=true"])
def test_they_are_pooled_in_one_pass_and_embedded_as_each_by_itself(encoder: str) -> None:
    """Batch statistics are those of each batch, embeddings and gradients the same."""
    together = Tower(create("image-encoder", encoder, in_dim=6, dim=DIM), Counting()).double()
    apart = copy.deepcopy(together)
    embedded = together(*batches()[0], *batches()[1:])
    assert together.pooling.calls == 1
    parts = embedded.parts(3)
    expected = [apart(*batch) for batch in batches()]
    for part, other in zip(parts, expected, strict=True):
        assert_close(part.embedding, other.embedding, rtol=1e-12, atol=1e-12)
        assert_close(part.raw, other.raw, rtol=1e-12, atol=1e-12)
    assert [set(part.losses) for part in parts] == [{"size"}, set(), set()]
    for factor, (part, other) in enumerate(zip(parts, expected, strict=True), start=1):
        (factor * part.embedding[:, 0]).sum().backward(retain_graph=True)
        (factor * other.embedding[:, 0]).sum().backward(retain_graph=True)
    for (name, ours), theirs in zip(together.named_parameters(), apart.parameters(), strict=True):
        assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-12, msg=name)
    assert_close(list(together.buffers()), list(apart.buffers()))


def test_what_stays_of_each_batch_is_pooled() -> None:
    tower = Tower(
        create("image-encoder", "grid", in_dim=6, dim=DIM), create("pooling", "mean", dim=DIM)
    ).double()
    kept = [
        batch._replace(
            kept=Kept(torch.tensor([[2, 0], [1, 3]] * 2 + [[3, 2]]), torch.tensor([count] * BATCH))
        )
        for batch, count in zip(batches(), (2, 1, 2), strict=True)
    ]
    found = tower(*kept[0], *kept[1:]).parts(3)
    for part, batch in zip(found, kept, strict=True):
        assert_close(part.embedding, tower(*batch).embedding, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "embedding",
    [
        torch.randn(6, 3),
        SetEmbedding(torch.randn(6, 2, 3), torch.ones(6, 2, dtype=torch.bool)),
        GaussianEmbedding(torch.randn(6, 3), torch.randn(6, 3)),
    ],
    ids=lambda embedding: type(embedding).__name__,
)
def test_chunks_put_together_are_the_whole(embedding: object) -> None:
    parts = chunks(embedding, 3)  # type: ignore[arg-type]
    assert len(parts) == 3
    whole = concatenate(parts)
    fields = vars(embedding) if not isinstance(embedding, Tensor) else {"": embedding}
    for name, value in fields.items():
        assert_close(getattr(whole, name) if name else whole, value)
