from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.oracles.pooling import ReferenceGPO, encoding
from vsebench.plugin import SpecError
from vsebench_plugins.gpo.generators import PrefixBiGRU
from vsebench_plugins.gpo.pooling import GPO
from vsebench_plugins.gpo.positional import positional_encoding
from vsebench_plugins.gpo.scan import GRUScan

if TYPE_CHECKING:
    from collections.abc import Callable


def pair(dtype: torch.dtype = torch.float64) -> tuple[GPO, ReferenceGPO]:
    torch.manual_seed(0)
    reference = ReferenceGPO().to(dtype)
    gpo = GPO().to(dtype)
    gpo.load_state_dict(reference.state_dict())
    return gpo, reference


def test_positional_encoding_counts_from_zero() -> None:
    """Fixture F1."""
    first = positional_encoding(3, 32)[:, :4]
    assert_close(first[0], torch.tensor([0.0, 1, 0, 1]))
    assert_close(first[1], torch.tensor([0.84147, 0.54030, 0.53317, 0.84601]), rtol=0, atol=1e-5)
    assert_close(first[2], torch.tensor([0.90930, -0.41615, 0.90213, 0.43146]), rtol=0, atol=1e-5)
    assert_close(positional_encoding(70, 32), encoding(70, 32), rtol=1e-6, atol=1e-6)


def test_zero_parameters_give_the_mean() -> None:
    """Fixture F2."""
    gpo = GPO()
    for parameter in gpo.parameters():
        nn.init.zeros_(parameter)
    features = torch.tensor(
        [[[1.0, -2], [3, 0], [-1, 5], [0, 0]], [[2, 2], [4, -4], [9, 9], [9, 9]]]
    )
    assert_close(gpo(features, torch.tensor([4, 2])), torch.tensor([[0.75, 0.75], [3, -1]]))


def test_equals_the_packed_reference_with_gradients() -> None:
    gpo, reference = pair()
    lengths = torch.tensor([1, 12, 3, 7, 7, 2, 11, 5, 4])
    upstream = torch.randn(9, 6, dtype=torch.float64)
    results = []
    for module in (gpo, reference):
        features = torch.randn(
            9, 14, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
        ).requires_grad_()
        out = module(features, lengths)
        out.backward(upstream)
        results.append(
            (out, features.grad, {name: p.grad for name, p in module.named_parameters()})
        )
    assert_close(*results, rtol=1e-10, atol=1e-12)


def test_float32_stays_close_to_the_packed_reference() -> None:
    gpo, reference = pair(torch.float32)
    features, lengths = torch.randn(16, 36, 40), torch.randint(1, 37, (16,))
    assert_close(gpo(features, lengths), reference(features, lengths), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 5, 36, 100])
def test_weights_of_each_length_equal_the_reference(length: int) -> None:
    gpo, reference = pair()
    weights = gpo.weights(length)
    assert_close(weights, reference.weights(torch.tensor([length]))[0], rtol=1e-10, atol=1e-12)
    assert not weights.requires_grad
    assert weights.sum().item() == pytest.approx(1)


def test_parameters_are_those_of_the_paper_and_of_nn_gru() -> None:
    assert sum(p.numel() for p in GPO().parameters()) == 12704
    ours, theirs = PrefixBiGRU(32, 32), nn.GRU(32, 32, bidirectional=True)
    assert {n: p.shape for n, p in ours.named_parameters()} == {
        n: p.shape for n, p in theirs.named_parameters()
    }
    ours.load_state_dict(theirs.state_dict())


def test_initial_parameters_fill_the_interval_of_nn_gru() -> None:
    torch.manual_seed(0)
    for parameter in GPO().parameters():
        assert parameter.abs().max() <= 32**-0.5
        assert parameter.abs().max() > 0.8 * 32**-0.5


@pytest.mark.parametrize("backwards", [False, True])
def test_scan_gradcheck(backwards: bool) -> None:
    torch.manual_seed(0)
    inputs = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((5, 9), (9, 3), (9,))
    ]
    assert torch.autograd.gradcheck(lambda *x: GRUScan.apply(*x, backwards), inputs)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("size", [32, 5])
@pytest.mark.parametrize("n", [1, 2, 7, 36])
def test_compiled_scores_equal_those_of_torch(n: int, size: int, outputs: int) -> None:
    torch.manual_seed(n)
    gru, head = PrefixBiGRU(6, size), nn.Linear(size, outputs, bias=False)
    rows = torch.randn(n, 6)
    below = torch.ones(n, n, dtype=torch.bool).tril()
    upstream = torch.randn(n, n, outputs) * below[..., None]
    results = []
    for dtype in (torch.float32, torch.float64):
        gru.to(dtype), head.to(dtype)
        wanted = [rows.to(dtype).requires_grad_(), *head.parameters(), *gru.parameters()]
        scores = gru.over_prefixes(wanted[0], head)
        compiled = scores.grad_fn.name() == "NumbaPrefixScoresBackward"
        assert compiled == (dtype == torch.float32)
        results.append(
            [scores[below].detach(), *torch.autograd.grad((scores * upstream).sum(), wanted)]
        )
    for ours, expected in zip(*results, strict=True):
        assert_close(ours.double(), expected, rtol=1e-5, atol=2e-6 * float(expected.abs().max()))


def test_autocast_and_precision_settings_leave_the_weights_in_float32() -> None:
    gpo, _ = pair(torch.float32)
    with torch.no_grad():
        expected = copy.deepcopy(gpo).table(9)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            weights = gpo.table(9)
            weights.square().sum().backward()
    finally:
        torch.set_float32_matmul_precision(before)
    assert weights.dtype == torch.float32
    assert_close(weights.detach(), expected, rtol=1e-6, atol=1e-7)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in gpo.parameters())


def counting(gpo: GPO, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    compute = gpo._compute
    monkeypatch.setattr(gpo, "_compute", lambda n: calls.append(n) or compute(n))
    return calls


def test_without_gradients_the_table_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gpo = GPO().eval()
    calls = counting(gpo, monkeypatch)
    with torch.no_grad():
        for n in (6, 6, 4, 1):
            gpo(torch.randn(2, n, 3), torch.tensor([1, n]))
        assert calls == [6]
        gpo.weights(9)
        assert calls == [6, 9]


def test_with_gradients_the_table_belongs_to_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    gpo = GPO().eval()
    gpo.weights(6)
    calls = counting(gpo, monkeypatch)
    gpo(torch.randn(2, 6, 3), torch.tensor([6, 3])).square().sum().backward()
    assert calls == [6]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in gpo.parameters())


def changed_by_data(gpo: GPO) -> None:
    gpo.linear.weight.data.mul_(-2)


def changed_by_loading(gpo: GPO) -> None:
    torch.manual_seed(9)
    gpo.load_state_dict(GPO().state_dict())


def changed_by_optimiser(fused: bool) -> Callable[[GPO], None]:
    def change(gpo: GPO) -> None:
        optimiser = torch.optim.AdamW(gpo.parameters(), lr=0.1, fused=fused)
        gpo.table(5).square().sum().backward()
        optimiser.step()

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed_by_data,
        changed_by_loading,
        changed_by_optimiser(fused=True),
        changed_by_optimiser(fused=False),
    ],
)
def test_the_kept_table_follows_the_parameters(change: Callable[[GPO], None]) -> None:
    torch.manual_seed(0)
    gpo = GPO()
    before = gpo.weights(5)
    change(gpo)
    fresh = GPO()
    fresh.load_state_dict(gpo.state_dict())
    assert not torch.equal(gpo.weights(5), before)
    assert torch.equal(gpo.weights(5), fresh.weights(5))


def test_the_kept_table_is_no_state() -> None:
    gpo = GPO()
    gpo.weights(5)
    assert len(gpo.state_dict()) == 9
    assert torch.equal(copy.deepcopy(gpo).weights(5), gpo.weights(5))


def test_what_weights_returns_can_be_changed_freely() -> None:
    gpo = GPO()
    gpo.weights(5).zero_()
    assert gpo.weights(5).sum().item() == pytest.approx(1)


def test_an_odd_encoding_size_is_refused() -> None:
    with pytest.raises(SpecError, match="'d_pe' must be even"):
        GPO(d_pe=31)


def test_other_sizes_and_temperatures() -> None:
    torch.manual_seed(0)
    gpo = GPO(d_pe=8, d_hidden=5, temperature=10.0)
    assert gpo(torch.randn(2, 4, 3), torch.tensor([4, 1])).shape == (2, 3)
    assert_close(gpo.weights(4), torch.full((4,), 0.25), rtol=0.05, atol=0)
