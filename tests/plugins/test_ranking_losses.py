"""The annotation losses: values, gradients, and their compiled form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.oracles import label_ranking as oracle
from vsebench.plugin import RankingInputs
from vsebench_plugins.sampling.losses import Hinge, Logistic, WarpWeighted

LOSSES = pytest.mark.parametrize(
    ("name", "loss"),
    [("hinge", Hinge()), ("logistic", Logistic()), ("warp-weighted", WarpWeighted())],
)
DIFFERENCES = [-30.0, -2.0, 0.0, 0.5, 1.0, 1.0000001, 3.0, 30.0]


@LOSSES
def test_value_and_slope(name: str, loss: Any) -> None:
    """At the corner of the hinge too, and in both forms."""
    kernel = loss.kernel()
    for difference in DIFFERENCES:
        for weight in (1.0, 0.3):
            pos = torch.tensor([difference], requires_grad=True)
            value = loss(RankingInputs(pos, torch.zeros(1, 1), torch.full((1, 1), weight)))
            (gradient,) = torch.autograd.grad(value, pos)
            exact = float(pos.detach())
            expected = oracle.value(name, exact, weight), oracle.slope(name, exact, weight)
            assert (float(value.detach()), -float(gradient)) == pytest.approx(expected, abs=1e-6)
            assert kernel(exact, weight) == pytest.approx(expected, abs=1e-9)


@LOSSES
def test_a_sum_over_draws_in_which_nothing_counts_for_nothing(name: str, loss: Any) -> None:
    pos, neg = torch.tensor([0.2, 1.0]), torch.tensor([[0.1, -math.inf], [2.0, 0.7]])
    weight = torch.tensor([[0.5, 1.0], [2.0, 3.0]])
    total = sum(
        oracle.value(name, float(pos[b] - neg[b, c]), float(weight[b, c]))
        for b, c in ((0, 0), (1, 0), (1, 1))
    )
    assert float(loss(RankingInputs(pos, neg, weight))) == pytest.approx(total, rel=1e-6)


def test_the_logistic_loss_does_not_overflow() -> None:
    assert Logistic().kernel()(-1e6, 1.0) == (1e6, 1.0)
    assert Logistic().kernel()(1e6, 1.0) == (0.0, 0.0)
