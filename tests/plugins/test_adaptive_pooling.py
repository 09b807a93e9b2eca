from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.oracles import learned_pooling as oracle
from vsebench.kernels import sorted_values, valid_mask
from vsebench_plugins.adaptive.pooling import AdaptivePooling

X = torch.tensor([[[1.0, -2], [3, 0], [-1, 5], [0, 0]], [[2, 2], [4, -4], [9, 9], [9, 9]]])
LENGTHS = torch.tensor([4, 2])


def f3(mask_padding: bool) -> AdaptivePooling:
    pooling = AdaptivePooling(mask_padding, dim=2)
    nn.init.eye_(pooling.token.weight)
    nn.init.zeros_(pooling.gate.bias)
    with torch.no_grad():
        pooling.gate.weight.copy_(torch.tensor([[1.0, 0]]))
    return pooling


def test_the_leak_of_the_released_code() -> None:
    """Fixture F3."""
    expected = torch.tensor([[2.54644, 4.90841], [3.70626, 1.53913]])
    assert_close(f3(mask_padding=False)(X, LENGTHS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mask_padding", [True, False])
def test_its_weights_are_those_of_its_sum(mask_padding: bool) -> None:
    pooling = f3(mask_padding)
    weights = pooling.position_weights(X, LENGTHS)
    values = sorted_values(X, LENGTHS)
    assert_close((weights * values).sum(dim=1), pooling(X, LENGTHS), rtol=0, atol=1e-5)
    assert not weights[1, 2:].any()
    whole = weights.sum(dim=1)
    assert_close(whole[0], torch.ones(2))
    assert bool((whole[1] < 0.99).all()) != mask_padding  # padding has the rest


def test_masked_padding_is_the_item_alone() -> None:
    """Fixture F3."""
    expected = torch.tensor([[2.54644, 4.90841], [3.76159, 1.63497]])
    pooling = f3(mask_padding=True)
    assert_close(pooling(X, LENGTHS), expected, rtol=0, atol=1e-5)
    assert_close(pooling(X[1:, :2], LENGTHS[1:]), expected[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("scale", [1, 30])
def test_equals_a_loop_with_gradients(mask_padding: bool, scale: float) -> None:
    torch.manual_seed(0)
    pooling = AdaptivePooling(mask_padding, dim=3).double()
    nn.init.normal_(pooling.token.bias)
    lengths = torch.tensor([7, 1, 3, 5])
    features = scale * torch.randn(4, 7, 3, dtype=torch.float64)
    features[~valid_mask(lengths, 7)] = math.nan
    features.requires_grad_()
    leaks = [0 if mask_padding else 7 - length for length in lengths.tolist()]
    expected = torch.cat(
        [
            oracle.by_items(
                features[i : i + 1], lengths[i : i + 1], oracle.adaptive(pooling, padding=leak)
            )
            for i, leak in enumerate(leaks)
        ]
    )
    results = [
        (out, *torch.autograd.grad(out.sum(), [features, *pooling.parameters()]))
        for out in (pooling(features, lengths), expected)
    ]
    assert_close(*results, rtol=1e-9, atol=1e-9)


def test_parameters_and_their_initial_values() -> None:
    torch.manual_seed(0)
    pooling = AdaptivePooling(dim=1024)
    assert sum(p.numel() for p in pooling.parameters()) == 1_050_625
    bound = math.sqrt(6 / 2048)
    assert 0.99 * bound < pooling.token.weight.abs().max() <= bound
    assert (pooling.token.bias == 0).all()
    assert pooling.gate.weight.abs().max() <= 1024**-0.5
