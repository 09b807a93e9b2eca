"""The CPU kernel against `torch.nn.GRU` on one item at a time, in float64; the rounding of float32
is what `torch.nn.GRU` has in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from vsebench.kernels.bigru import GRUWeights, bigru

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

IDS, WORD_DIM = 9, 7


def weights_of(gru: nn.GRU) -> GRUWeights:
    def both(name: str) -> Tensor:
        return torch.stack([getattr(gru, f"{name}_l0"), getattr(gru, f"{name}_l0_reverse")])

    return GRUWeights(both("weight_ih"), both("weight_hh"), both("bias_ih"), both("bias_hh"))


def model(size: int, seed: int = 0, scale: float = 1.0) -> tuple[nn.Embedding, nn.GRU]:
    """Word vectors and a GRU whose gates saturate where `scale` is large."""
    torch.manual_seed(seed)
    vectors, gru = nn.Embedding(IDS, WORD_DIM), nn.GRU(WORD_DIM, size, bidirectional=True)
    with torch.no_grad():
        for parameter in (*vectors.parameters(), *gru.parameters()):
            parameter.mul_(scale)
    return vectors, gru


def oracle(vectors: nn.Embedding, gru: nn.GRU, words: Tensor, lengths: Sequence[int]) -> Tensor:
    """Each item by itself through `nn.GRU`, which takes [N, 1, E]."""
    items = []
    for item, length in zip(words, lengths, strict=True):
        states = gru(vectors(item[:length])[:, None])[0][:, 0] if length else torch.empty(0, 0)
        mean = sum(states.chunk(2, dim=1)) / 2 if length else states.new_zeros(0, gru.hidden_size)
        items.append(nn.functional.pad(mean, (0, 0, 0, words.shape[1] - length)))
    return torch.stack(items)


def run(
    vectors: nn.Embedding, gru: nn.GRU, words: Tensor, lengths: Sequence[int], *, fast: bool
) -> list[Tensor]:
    """The states and the gradients of a random sum of them."""
    out = (
        bigru(vectors.weight, words, torch.tensor(lengths), weights_of(gru))
        if fast
        else oracle(vectors, gru, words, lengths)
    )
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(5)).to(out.dtype)
    parameters = [vectors.weight, *gru.parameters()]
    return [out.detach(), *torch.autograd.grad((out * upstream).sum(), parameters)]


@pytest.mark.parametrize("size", [1, 5, 64])
@pytest.mark.parametrize("scale", [1.0, 20.0])
@pytest.mark.parametrize(
    "lengths",
    [[3, 1, 5, 2], [1], [6], [1, 1, 1], [4, 4], [6, 1], [2, 0, 3], [i % 7 for i in range(1, 41)]],
    ids=str,
)
def test_equals_a_gru_run_on_each_item_alone(lengths: list[int], scale: float, size: int) -> None:
    vectors, gru = model(size, scale=scale)
    words = torch.randint(IDS, (len(lengths), 6))
    fast = run(vectors, gru, words, lengths, fast=True)
    plain = run(vectors, gru, words, lengths, fast=False)
    exact = run(vectors.double(), gru.double(), words, lengths, fast=False)
    for ours, theirs, expected in zip(fast, plain, exact, strict=True):
        rounding = float((theirs - expected).abs().max())
        # a saturated gate's slope, z (1 - z), has few digits, and weights of that scale pass it on
        saturated = 1e-6 * scale if scale > 1 else 1e-30
        allowed = 10 * rounding + 2e-6 * float(expected.abs().max()) + saturated
        torch.testing.assert_close(ours.double(), expected, rtol=0, atol=allowed)


@pytest.mark.parametrize(
    "items",
    [
        [[1, 2, 3, 4]] * 3,
        [[1, 2, 3, 4], [1, 2, 3], [1, 2, 5, 4], [1, 2], [0, 3, 4], [1]],
    ],
    ids=["equal", "beginnings and ends in common"],
)
def test_shared_states_get_the_gradients_of_all_their_items(items: list[list[int]]) -> None:
    vectors, gru = model(8)
    words = torch.tensor([[*item, *[0] * (4 - len(item))] for item in items])
    lengths = [len(item) for item in items]
    fast = run(vectors, gru, words, lengths, fast=True)
    exact = run(vectors.double(), gru.double(), words, lengths, fast=False)
    for ours, expected in zip(fast, exact, strict=True):
        torch.testing.assert_close(ours.double(), expected, rtol=1e-5, atol=1e-6)


def test_gradients_of_parts_are_those_of_all() -> None:
    """Frozen word vectors or weights change no other gradient."""
    vectors, gru = model(4)
    words, lengths = torch.randint(IDS, (3, 6)), torch.tensor([6, 2, 3])

    def gradients(*trained: int) -> list[Tensor]:
        parts = [part.detach().clone() for part in (vectors.weight, *weights_of(gru))]
        wanted = [parts[i].requires_grad_() for i in trained]
        out = bigru(parts[0], words, lengths, GRUWeights(*parts[1:]))
        return list(torch.autograd.grad(out.square().sum(), wanted))

    everything = gradients(0, 1, 2, 3, 4)
    for part, expected in enumerate(everything):
        torch.testing.assert_close(gradients(part), [expected], rtol=0, atol=0)


def test_without_gradients_the_states_are_the_same() -> None:
    vectors, gru = model(6)
    words, lengths = torch.randint(IDS, (20, 6)), torch.randint(1, 7, (20,))
    kept = bigru(vectors.weight, words, lengths, weights_of(gru))
    with torch.inference_mode():
        free = bigru(vectors.weight, words, lengths, weights_of(gru))
    assert kept.requires_grad
    assert torch.equal(kept, free)


def test_padding_is_never_read() -> None:
    vectors, gru = model(4)
    words, lengths = torch.randint(IDS, (2, 5)), torch.tensor([2, 5])
    poisoned = words.clone()
    poisoned[0, 2:] = -7
    results = [bigru(vectors.weight, each, lengths, weights_of(gru)) for each in (words, poisoned)]
    assert torch.equal(*results)
    assert not results[0][0, 2:].any()


@pytest.mark.parametrize("word", [-1, IDS])
def test_an_unknown_id_is_refused(word: int) -> None:
    vectors, gru = model(4)
    words = torch.tensor([[0, 1], [word, 0]])
    with pytest.raises(IndexError, match=r"not within 0\.\.8"):
        bigru(vectors.weight, words, torch.tensor([2, 1]), weights_of(gru))


def test_what_is_not_finite_shows() -> None:
    """A diverged run must say so."""
    vectors, gru = model(4)
    with torch.no_grad():
        vectors.weight[3] = torch.nan
    words = torch.tensor([[1, 3, 1], [1, 2, 1]])
    states = bigru(vectors.weight, words, torch.tensor([3, 3]), weights_of(gru))
    assert states[0].isnan().all()
    assert states[1].isfinite().all()


def test_an_empty_batch_gives_an_empty_result() -> None:
    vectors, gru = model(4)
    words, lengths = torch.empty(0, 5, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    out = bigru(vectors.weight, words, lengths, weights_of(gru))
    assert out.shape == (0, 5, 4)
    out.sum().backward()
    assert gru.weight_hh_l0.grad is not None
    assert not gru.weight_hh_l0.grad.any()
