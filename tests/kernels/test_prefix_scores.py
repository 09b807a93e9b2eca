from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.kernels.interpreter import INTERPRETED
from tests.oracles import pooling as oracle
from vsebench.kernels.prefix_scores import compiled_prefix_scores
from vsebench_plugins.gpo.pooling import GPO

if TYPE_CHECKING:
    from torch import Tensor

LENGTHS = (1, 2, 9) if INTERPRETED else (1, 2, 9, 36)
OUTPUTS = (1,) if INTERPRETED else (1, 3)


def made(size: int, outputs: int = 1, n: int = 5) -> tuple[nn.GRU, nn.Linear, Tensor]:
    torch.manual_seed(size + n)
    gru = nn.GRU(6, size, bidirectional=True, batch_first=True)
    return gru, nn.Linear(size, outputs, bias=False), torch.randn(n, 6)


def scored(gru: nn.GRU, head: nn.Linear, rows: Tensor) -> Tensor | None:
    return compiled_prefix_scores(rows, head.weight, tuple(gru.parameters()))


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("size", [32, 5])
@pytest.mark.parametrize("n", LENGTHS)
def test_equals_running_a_gru_over_each_prefix_alone(n: int, size: int, outputs: int) -> None:
    gru, head, rows = made(size, outputs, n)
    upstream = torch.randn(n, n, outputs)  # also where there is no score, and nothing may change
    wanted = [rows.requires_grad_(), *head.parameters(), *gru.parameters()]
    scores = scored(gru, head, rows)
    assert scores is not None
    found = [scores.detach(), *torch.autograd.grad((scores * upstream).sum(), wanted)]
    gru.double(), head.double()
    rows = rows.detach().double().requires_grad_()
    wanted = [rows, *head.parameters(), *gru.parameters()]
    scores = oracle.prefix_scores(gru, head.weight, rows)
    expected = [scores.detach(), *torch.autograd.grad((scores * upstream).sum(), wanted)]
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours.double(), theirs, rtol=1e-5, atol=2e-6 * float(theirs.abs().max()))
    assert (found[0][~torch.ones(n, n, dtype=torch.bool).tril()] == 0).all()


@pytest.mark.parametrize("frozen", ["rows", "parameters"])
def test_only_what_needs_a_gradient_gets_one(frozen: str) -> None:
    gru, head, rows = made(5, n=3)
    gru.requires_grad_(frozen == "rows"), head.requires_grad_(frozen == "rows")
    rows.requires_grad_(frozen == "parameters")
    scores = scored(gru, head, rows)
    assert scores is not None
    scores.sum().backward()
    assert (rows.grad is None) == (frozen == "rows")
    assert all((each.grad is None) == (frozen != "rows") for each in gru.parameters())
    with torch.no_grad():
        again = scored(gru, head, rows)
    assert again is not None
    assert_close(again, scores.detach())


def test_it_is_differentiable_once_and_says_so() -> None:
    gru, head, rows = made(5, n=3)
    scores = scored(gru, head, rows)
    assert scores is not None
    (grad,) = torch.autograd.grad(scores.square().sum(), head.weight, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        grad.sum().backward()


def test_gpo_with_them_equals_gpo_as_published() -> None:
    torch.manual_seed(0)
    reference = oracle.ReferenceGPO()
    gpo = GPO()
    gpo.load_state_dict(reference.state_dict())
    features, lengths = torch.randn(5, 6, 7), torch.tensor([6, 1, 3, 6, 2])
    upstream, found = torch.randn(5, 7), []
    for module in (gpo, reference):
        values = features.clone().requires_grad_()
        out = module(values, lengths)
        wanted = [values, *module.parameters()]
        found.append([out.detach(), *torch.autograd.grad((out * upstream).sum(), wanted)])
    assert_close(*found, rtol=1e-4, atol=1e-5)


def test_what_no_form_takes_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    gru, head, rows = made(5)
    assert scored(gru.double(), head.double(), rows.double()) is None
    gru, head, rows = made(5)
    monkeypatch.setenv("VSEBENCH_KERNELS", "torch")
    assert scored(gru, head, rows) is None


def test_triton_takes_one_score_of_states_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="triton is not installed")
    monkeypatch.setattr("vsebench.kernels.prefix_scores.compiled_kernels_take", lambda rows: False)
    monkeypatch.setattr("vsebench.kernels.prefix_scores.triton_kernels_take", lambda rows: True)
    monkeypatch.setattr(
        "vsebench.kernels.prefix_scores_triton.triton_prefix_scores",
        lambda rows, head, *weights: rows,
    )
    assert scored(*made(64)) is not None
    assert scored(*made(65)) is None
    assert scored(*made(5, outputs=2)) is None
    assert scored(*made(5, n=257)) is None
    gru, head, rows = made(5)
    assert scored(gru.bfloat16(), head.bfloat16(), rows.bfloat16()) is None
