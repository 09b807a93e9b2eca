"""The CPU kernel against `torch.nn.GRU` on one item at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vsebench.kernels.bigru import GRUWeights, bigru


def weights_of(gru: nn.GRU) -> GRUWeights:
    def both(name: str) -> torch.Tensor:
        return torch.stack([getattr(gru, f"{name}_l0"), getattr(gru, f"{name}_l0_reverse")])

    return GRUWeights(both("weight_ih"), both("weight_hh"), both("bias_ih"), both("bias_hh"))


def oracle(gru: nn.GRU, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    rows = []
    for item, length in zip(features, lengths.tolist(), strict=True):
        out, _ = gru(item[None, :length])
        forward, backward = out[0].chunk(2, dim=1)
        rows.append(
            nn.functional.pad((forward + backward) / 2, (0, 0, 0, features.shape[1] - length))
        )
    return torch.stack(rows)


@pytest.mark.parametrize("lengths", [[3, 1, 5, 2], [1], [1, 1, 1], [4, 4], [6, 1]])
def test_equals_a_gru_run_on_each_item_alone(lengths: list[int]) -> None:
    torch.manual_seed(0)
    gru = nn.GRU(7, 5, batch_first=True, bidirectional=True).double()
    features = torch.randn(len(lengths), 6, 7, dtype=torch.float64, requires_grad=True)
    sizes, weight = torch.tensor(lengths), torch.randn(len(lengths), 6, 5, dtype=torch.float64)
    results = []
    for run in (
        lambda: bigru(features, sizes, weights_of(gru)),
        lambda: oracle(gru, features, sizes),
    ):
        out = run()
        results.append(
            [
                out.detach(),
                *torch.autograd.grad((out * weight).sum(), [features, *gru.parameters()]),
            ]
        )
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)


def test_gradients_are_the_derivatives() -> None:
    torch.manual_seed(1)
    gru = nn.GRU(3, 2, batch_first=True, bidirectional=True).double()
    features = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 3])
    assert torch.autograd.gradcheck(
        lambda x, *w: bigru(x, lengths, GRUWeights(*w)),
        (features, *(w.detach().requires_grad_() for w in weights_of(gru))),
    )


def test_padding_is_never_read() -> None:
    torch.manual_seed(2)
    gru = nn.GRU(3, 4, batch_first=True, bidirectional=True)
    features, lengths = torch.randn(2, 5, 3), torch.tensor([2, 5])
    poisoned = features.clone()
    poisoned[0, 2:] = torch.nan
    torch.testing.assert_close(
        bigru(poisoned, lengths, weights_of(gru)),
        bigru(features, lengths, weights_of(gru)),
        rtol=0,
        atol=0,
    )


def test_an_empty_batch_gives_an_empty_result() -> None:
    gru = nn.GRU(3, 4, batch_first=True, bidirectional=True)
    assert bigru(
        torch.empty(0, 5, 3), torch.empty(0, dtype=torch.int64), weights_of(gru)
    ).shape == (0, 5, 4)
