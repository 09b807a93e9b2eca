"""What InfoNCE, SigLIP and selectively hard negatives do beyond the contract of every loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tests.oracles import contrastive as oracle
from vsebench.plugin import LossCard, LossInputs, LossOutput
from vsebench_plugins import contrastive
from vsebench_plugins.contrastive.losses import (
    InfoNCE,
    SelHN,
    SigLIP,
    infonce_loss,
    selhn_queries,
    siglip_loss,
)


def inputs(scores: torch.Tensor) -> LossInputs:
    return LossInputs(scores, scores, torch.eye(len(scores), dtype=torch.bool), similarity=scores)


def scores(batch: int = 6, seed: int = 0) -> torch.Tensor:
    return (
        torch.randn(
            batch, batch, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        / 3
    )


def test_infonce_is_the_symmetric_cross_entropy() -> None:
    s, classes = scores(), torch.arange(6)
    published = (cross_entropy(s / 0.1, classes) + cross_entropy(s.T / 0.1, classes)) / 2
    assert_close(InfoNCE(temperature=0.1)(inputs(s)).loss, published)


def test_siblings_neither_repel_nor_compete() -> None:
    s = torch.tensor([[0.5, 0.9], [0.9, 0.5]])
    assert_close(infonce_loss(s, torch.ones(2, 2, dtype=torch.bool), 20.0), torch.zeros(2))


def test_a_solved_and_a_hopeless_query_keep_their_precision() -> None:
    s = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    solved = infonce_loss(s, torch.eye(2, dtype=torch.bool), 20.0)
    assert_close(solved, torch.full((2,), math.exp(-40)), rtol=1e-4, atol=0)
    hopeless = infonce_loss(-s, torch.eye(2, dtype=torch.bool), 100.0)
    assert_close(hopeless, torch.full((2,), 200.0))
    (solved.sum() + hopeless.sum()).backward()
    assert s.grad is not None
    assert s.grad.isfinite().all()


@pytest.mark.parametrize("scale", [0.5, 20.0, 1000.0])
@pytest.mark.parametrize("kind", ["usual", "tied", "siblings", "one item", "positives only"])
def test_single_precision_equals_loops_with_gradients(kind: str, scale: float) -> None:
    batch = 1 if kind == "one item" else 7
    s = torch.full((batch, batch), 0.3, dtype=torch.float64) if kind == "tied" else scores(batch)
    groups = torch.arange(batch) // (3 if kind == "siblings" else batch if "only" in kind else 1)
    positives = groups[:, None] == groups
    upstream = torch.linspace(-1, 2, batch, dtype=torch.float64)

    def with_gradients(dtype: torch.dtype) -> list[torch.Tensor]:
        leaves = [s.to(dtype).requires_grad_(), torch.tensor(scale, dtype=dtype).requires_grad_()]
        losses = infonce_loss(leaves[0], positives, leaves[1], margin=0.1)
        gradients = torch.autograd.grad(losses, leaves, upstream.to(dtype))
        assert all(found.dtype == dtype for found in (losses, *gradients))
        return [losses.detach().double(), *(gradient.double() for gradient in gradients)]

    single, double = with_gradients(torch.float32), with_gradients(torch.float64)
    assert single[0].mean().item() == pytest.approx(
        oracle.infonce(s.tolist(), positives.tolist(), scale=scale, margin=0.1), rel=1e-5, abs=1e-7
    )
    for found, expected in zip(single, double, strict=True):
        largest = float(expected.abs().max())
        assert_close(found, expected, rtol=2e-5, atol=2e-5 * largest + 1e-12)


def test_a_nan_shows_in_every_query_that_reads_it() -> None:
    for dtype in (torch.float32, torch.float64):
        for row, column in ((1, 3), (2, 2)):
            s = scores(5).to(dtype)
            s[row, column] = math.nan
            losses = infonce_loss(s, torch.eye(5, dtype=torch.bool), 20.0)
            assert losses.isnan().nonzero().flatten().tolist() == sorted({row, column})


def test_a_fixed_temperature_has_no_parameters() -> None:
    assert not list(InfoNCE().parameters())
    assert InfoNCE()(inputs(scores())).diagnostics == {}


def test_a_learned_temperature_starts_where_told_and_gets_gradients() -> None:
    loss = InfoNCE(temperature=0.07, learned=True)
    output = loss(inputs(scores()))
    output.loss.backward()
    assert output.diagnostics["scale"].item() == pytest.approx(1 / 0.07)
    assert not output.diagnostics["scale"].requires_grad
    assert loss.log_scale is not None
    assert loss.log_scale.grad != 0


def test_the_learned_scale_is_held_at_its_bound_and_can_leave_it() -> None:
    loss = InfoNCE(learned=True, max_scale=30.0)
    assert loss.log_scale is not None
    with torch.no_grad():
        loss.log_scale.fill_(math.log(1000.0))
    # Wrong pairs score higher than right ones: a smaller scale is better
    output = loss(inputs(scores()))
    assert output.diagnostics["scale"].item() == pytest.approx(30)
    output.loss.backward()
    assert loss.log_scale.grad is not None
    assert loss.log_scale.grad > 0
    torch.optim.SGD(loss.parameters(), lr=0.1).step()
    assert loss(inputs(scores())).diagnostics["scale"] < 30


def test_siglip_of_orthogonal_pairs_as_initialised() -> None:
    """Before training, negatives cost nearly nothing and each positive log(1 + e^10) at a score of
    0.
    """
    output = SigLIP()(inputs(torch.zeros(3, 3)))
    assert isinstance(output, LossOutput)
    assert output.loss.item() == pytest.approx(
        math.log1p(math.exp(10)) + 2 * math.log1p(math.exp(-10))
    )
    assert output.diagnostics["scale"].item() == pytest.approx(10)
    assert output.diagnostics["bias"].item() == -10


def test_siglip_gradients_of_scale_and_bias() -> None:
    s, positives = scores(4), torch.eye(4, dtype=torch.bool)
    parameters = (
        torch.tensor(3.0, dtype=torch.float64, requires_grad=True),
        torch.tensor(-0.5, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(
        lambda scale, bias: siglip_loss(s, positives, scale, bias), parameters
    )


def test_diagnostics_do_not_follow_the_parameters() -> None:
    loss = SigLIP()
    before = loss(inputs(scores())).diagnostics["bias"]
    with torch.no_grad():
        loss.bias.add_(1)
    assert before.item() == -10


def test_selhn_averages_where_the_hardest_negative_is_as_good_as_the_positive() -> None:
    s = torch.tensor([[0.5, 0.505, 0.1], [0.0, 0.5, 0.4], [0.9, 0.0, 0.5]])
    losses, close = selhn_queries(s, torch.eye(3, dtype=torch.bool), 0.2, 0.01)
    assert close.tolist() == [True, False, False]
    assert_close(losses, torch.tensor([0.205 / 2, 0.1, 0.6]))


def test_selhn_gives_every_negative_a_gradient_at_the_collapse() -> None:
    s = torch.full((5, 5), 0.7, requires_grad=True)
    output = SelHN()(inputs(s))
    output.loss.backward()
    assert output.loss.item() == pytest.approx(0.2)
    assert output.diagnostics["averaged"].item() == 1
    assert s.grad is not None
    assert (s.grad != 0).all()


def test_selhn_without_epsilon_is_the_mean_of_the_hard_triplet() -> None:
    from vsebench_plugins.classic.losses import Triplet

    batch = inputs(scores())
    assert_close(SelHN(epsilon=0.0)(batch).loss, Triplet(reduction="mean")(batch) / 2)
    assert SelHN(epsilon=0.0)(inputs(torch.ones(4, 4))).diagnostics["averaged"] == 0


def test_the_cards_name_their_papers() -> None:
    cards = {}
    contrastive.vsebench_register_losses(
        lambda name, target, *, card, params=(): cards.update({name: card})
    )
    assert set(cards) == {"infonce", "siglip", "selhn"}
    assert all(
        isinstance(card, LossCard) and card.paper is not None and card.paper.year
        for card in cards.values()
    )
