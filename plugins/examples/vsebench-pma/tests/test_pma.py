"""The pooling keeps its promises, and attends as its layer does."""

import pytest
import torch

import vsebench
from vsebench.plugin import SpecError


@pytest.mark.vsebench("pooling", "pma")
@pytest.mark.vsebench("pooling", "pma:heads=1")
def test_keeps_its_promises(check):
    check()


def test_one_head_of_known_weights_is_a_softmax_over_the_valid_rows():
    pooling = vsebench.create("pooling", "pma:heads=1", dim=4)
    features, query = torch.randn(1, 3, 4), torch.randn(1, 1, 4)
    with torch.no_grad():
        pooling.query.copy_(query)
        pooling.attention.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
        pooling.attention.out_proj.weight.copy_(torch.eye(4))
        weights = torch.softmax(features[0, :2] @ query.flatten() / 2, dim=0)
        torch.testing.assert_close(
            pooling(features, torch.tensor([2]))[0], weights @ features[0, :2]
        )


def test_heads_that_do_not_divide_are_refused():
    with pytest.raises(SpecError, match="3 heads do not divide the embedding size 16"):
        vsebench.create("pooling", "pma:heads=3", dim=16)
