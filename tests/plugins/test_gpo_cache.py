"""The cached weight table follows the parameters, whatever changes them."""

from __future__ import annotations

import pytest
import torch

from vsebench_gpo.pooling import GPO


@pytest.mark.parametrize("fused", [True, False])
def test_weights_follow_an_optimiser_that_does_not_count_versions(fused: bool) -> None:
    torch.manual_seed(0)
    pooling = GPO()
    optimiser = torch.optim.AdamW(pooling.parameters(), lr=0.1, fused=fused)
    before = pooling.weights(5)
    pooling(torch.randn(2, 5, 3), torch.tensor([5, 3])).square().sum().backward()
    optimiser.step()
    fresh = GPO()
    fresh.load_state_dict(pooling.state_dict())
    assert not torch.equal(pooling.weights(5), before)
    torch.testing.assert_close(pooling.weights(5), fresh.weights(5), rtol=0, atol=0)


def test_weights_follow_a_loaded_state() -> None:
    torch.manual_seed(0)
    pooling, other = GPO(), GPO()
    pooling.weights(4)
    pooling.load_state_dict(other.state_dict())
    torch.testing.assert_close(pooling.weights(4), other.weights(4), rtol=0, atol=0)
