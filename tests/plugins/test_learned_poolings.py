from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.testing import assert_close

from tests.oracles import learned_pooling as oracle
from vsebench.kernels import valid_mask
from vsebench_plugins.learned.attention import ESA, SelfAttention, Softmax, attention_received
from vsebench_plugins.learned.combination import Combo
from vsebench_plugins.learned.fspool import FSPool, knot_weights
from vsebench_plugins.learned.gem import GeM
from vsebench_plugins.learned.graph import GCNMean, GCNSeq2Seq
from vsebench_plugins.learned.rows import First, Last, Seq2Seq

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

DIM = 4

CASES: dict[
    str, tuple[Callable[[], nn.Module], Callable[[nn.Module], Callable[[Tensor], Tensor]]]
] = {
    "first": (First, lambda _: lambda rows: rows[0]),
    "last": (Last, lambda _: lambda rows: rows[-1]),
    "softmax": (Softmax, lambda _: oracle.softmax),
    "gem": (GeM, lambda m: oracle.gem(m.p, 1e-6)),
    "gem:eps=0.5": (lambda: GeM(p=1.5, eps=0.5), lambda m: oracle.gem(m.p, 0.5)),
    "fspool": (lambda: FSPool(dim=DIM), lambda m: oracle.fspool(m.weight)),
    "fspool:pieces=1": (lambda: FSPool(1, dim=DIM), lambda m: oracle.fspool(m.weight)),
    "fspool:pieces=3": (lambda: FSPool(3, dim=DIM), lambda m: oracle.fspool(m.weight)),
    "esa": (lambda: ESA(dim=DIM), oracle.esa),
    "selfattn": (lambda: SelfAttention(dim=DIM), oracle.selfattn),
    "seq2seq": (lambda: Seq2Seq(dim=DIM), lambda m: oracle.seq2seq(m.gru)),
    "gcn-mean": (lambda: GCNMean(dim=DIM), lambda m: oracle.graph(m.graph.layers, oracle.mean)),
    "gcn-mean:layers=3": (
        lambda: GCNMean(3, dim=DIM),
        lambda m: oracle.graph(m.graph.layers, oracle.mean),
    ),
    "gcn-seq2seq": (
        lambda: GCNSeq2Seq(2, dim=DIM),
        lambda m: oracle.graph(m.graph.layers, oracle.seq2seq(m.seq2seq.gru)),
    ),
    "combo:k=4": (
        lambda: Combo(k=4),
        lambda m: oracle.combo(m.logits, [oracle.mean, lambda rows: rows.max(dim=0).values, k_max]),
    ),
    "combo:of=first+softmax": (
        lambda: Combo("first+softmax"),
        lambda m: oracle.combo(m.logits, [lambda rows: rows[0], oracle.softmax]),
    ),
}


def k_max(rows: Tensor, k: int = 4) -> Tensor:
    return rows.topk(min(k, len(rows)), dim=0).values.mean(dim=0)


def inputs(kind: str) -> tuple[Tensor, Tensor]:
    features = torch.randn(5, 8, DIM, dtype=torch.float64)
    if kind == "large":
        features *= 300
    if kind == "tied":
        features = features[:, :1].expand(5, 8, DIM).clone()
    lengths = torch.tensor([8, 1, 2, 5, 8])
    features[~valid_mask(lengths, 8)] = math.nan
    return features.requires_grad_(), lengths


@pytest.mark.parametrize("kind", ["usual", "large", "tied"])
@pytest.mark.parametrize("name", CASES)
def test_equals_a_loop_with_gradients(name: str, kind: str) -> None:
    torch.manual_seed(0)
    create, pool = CASES[name]
    module = create().double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    features, lengths = inputs(kind)
    upstream = torch.randn(5, DIM, dtype=torch.float64)
    # Which of tied values gets a gradient is a matter of convention.
    wanted = [*([] if kind == "tied" else [features]), *module.parameters()]

    def with_gradients(out: Tensor) -> tuple[Tensor, ...]:
        return (out, *(torch.autograd.grad(out, wanted, upstream) if wanted else ()))

    ours = with_gradients(module(features, lengths))
    assert_close(
        ours, with_gradients(oracle.by_items(features, lengths, pool(module))), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("kind", ["usual", "large", "tied"])
@pytest.mark.parametrize("name", ["softmax", "gem", "gem:eps=0.5", "esa", "selfattn"])
def test_single_precision_equals_a_loop_in_double_with_gradients(name: str, kind: str) -> None:
    torch.manual_seed(0)
    create, pool = CASES[name]
    module, exact = create(), create().double()
    exact.load_state_dict(module.state_dict())
    features, lengths = inputs(kind)
    upstream = torch.randn(5, DIM)
    single = features.detach().float().requires_grad_()

    def with_gradients(of: nn.Module, x: Tensor, out: Tensor) -> tuple[Tensor, ...]:
        leaves = [x, *of.parameters()]
        return (out, *torch.autograd.grad(out, leaves, upstream.to(out.dtype)))

    ours = with_gradients(module, single, module(single, lengths))
    loops = with_gradients(exact, features, oracle.by_items(features, lengths, pool(exact)))
    # A bias that moves all scores of a dimension alike has a gradient of 0
    size = max(float(expected.detach().abs().max()) for expected in loops)
    for found, expected in zip(ours, loops, strict=True):
        assert found.dtype == torch.float32
        assert_close(found.double(), expected, rtol=1e-5, atol=1e-5 * size)
    assert (ours[1][~valid_mask(lengths, 8)] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gem_at_and_below_eps(dtype: torch.dtype) -> None:
    """What is below eps counts as it, and gets no gradient; eps itself does."""
    features = torch.tensor([-3.0, 0.25, 0.5, 0.0, 0.1, 7.0], dtype=dtype)[None, :, None]
    features.requires_grad_()
    gem = GeM(p=2.0, eps=0.25).to(dtype)
    out = gem(features, torch.tensor([5]))
    out.sum().backward()
    mean = math.sqrt((4 * 0.25**2 + 0.5**2) / 5)
    assert out.item() == pytest.approx(mean, rel=1e-6)
    assert features.grad is not None
    expected = [0, 0.25 / (5 * mean), 0.5 / (5 * mean), 0, 0, 0]
    assert features.grad.flatten().tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["softmax", "gem", "esa", "selfattn"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("row", [0, 1, 3])
def test_a_valid_nan_is_not_hidden(name: str, dtype: torch.dtype, row: int) -> None:
    module = CASES[name][0]().to(dtype)
    features = torch.ones(2, 6, DIM, dtype=dtype)
    features[0, row, 1] = math.nan
    out = module(features, torch.tensor([4, 6]))
    assert out[0, 1].isnan()
    assert not out[1].isnan().any()


@pytest.mark.parametrize("name", ["softmax", "gem", "esa", "selfattn"])
def test_a_batch_of_one_item_of_one_row_is_that_row(name: str) -> None:
    module = CASES[name][0]()
    features = torch.rand(1, 1, DIM) + 0.1
    expected = module.value(features[:, 0]) if name == "selfattn" else features[:, 0]
    assert_close(module(features, torch.tensor([1])), expected)


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (lambda: SelfAttention(dim=1024), 3_148_800),
        (lambda: Seq2Seq(dim=1024), 6_297_600),
        (lambda: GCNMean(dim=1024), 4_198_400),
        (lambda: GCNSeq2Seq(dim=1024), 10_496_000),
        (lambda: GCNSeq2Seq(4, dim=1024), 23_091_200),
        (lambda: GCNSeq2Seq(4, True, "after", True, dim=1024), 23_091_200 + 10 * 1024),
        (lambda: ESA(dim=1024), 1_049_600),
        (lambda: FSPool(dim=1024), 21_504),
        (GeM, 1),
        (Combo, 3),
    ],
)
def test_parameters_are_those_of_the_papers(
    module: Callable[[], nn.Module], parameters: int
) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in module().parameters()) == parameters


def test_attention_received_sums_to_one() -> None:
    weights = attention_received(
        torch.randn(3, 6, 2), torch.randn(3, 6, 2), torch.tensor([6, 1, 3])
    )
    assert_close(weights.sum(dim=1), torch.ones(3))
    assert (weights[2, 3:] == 0).all()


def test_gem_is_the_mean_at_one_and_nears_the_maximum() -> None:
    features, lengths = torch.rand(4, 7, 3) + 0.01, torch.tensor([7, 1, 3, 5])
    assert_close(GeM(p=1.0)(features, lengths), oracle.by_items(features, lengths, oracle.mean))
    assert_close(
        GeM(p=100.0)(features, lengths),
        oracle.by_items(features, lengths, lambda rows: rows.max(dim=0).values),
        rtol=0.03,
        atol=0,
    )


@pytest.mark.parametrize("p", [-5.0, 0.0, 1.0, 3.0, 100.0, 1e6])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 1e10])
def test_gem_stays_finite_whatever_the_optimiser_does(p: float, scale: float) -> None:
    gem = GeM(p=p)
    features = (scale * torch.randn(3, 6, 4)).requires_grad_()
    out = gem(features, torch.tensor([6, 1, 4]))
    out.sum().backward()
    assert features.grad is not None
    assert gem.p.grad is not None
    for tensor in (out, features.grad, gem.p.grad):
        assert tensor.isfinite().all()
    assert features.grad.abs().max() <= 1 + 1e-5


def test_fspool_of_constant_weights_is_the_sum() -> None:
    pool = FSPool(dim=2)
    torch.nn.init.ones_(pool.weight)
    features, lengths = torch.randn(3, 7, 2), torch.tensor([7, 1, 4])
    assert_close(
        pool(features, lengths), oracle.by_items(features, lengths, lambda rows: rows.sum(dim=0))
    )


@pytest.mark.parametrize("pieces", [1, 3, 20])
def test_fspool_interpolates_between_the_first_and_the_last_knot(pieces: int) -> None:
    lengths = torch.tensor([1, 2, 3, 36])
    hats = knot_weights(lengths, 36, pieces)
    assert_close(hats.sum(dim=2), valid_mask(lengths, 36).double())
    at = hats @ torch.arange(pieces + 1, dtype=torch.float64)
    assert at[0, 0] == 0
    for item, length in enumerate(lengths.tolist()[1:], start=1):
        assert_close(at[item, :length], torch.linspace(0, pieces, length, dtype=torch.float64))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_graph_convolutions_start_as_the_identity(batch_norm: bool) -> None:
    features, lengths = torch.randn(3, 6, 4), torch.tensor([6, 1, 4])
    assert_close(
        GCNMean(2, batch_norm, dim=4)(features, lengths),
        oracle.by_items(features, lengths, oracle.mean),
    )


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("kind", ["usual", "large"])
@pytest.mark.parametrize("region_l2", ["none", "after", "both"])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("last", ["mean", "gru", "gru, normed"])
def test_the_normalisations_of_vsrn_equal_loops_with_gradients(
    last: str, batch_norm: bool, region_l2: str, kind: str, training: bool
) -> None:
    torch.manual_seed(0)
    module: GCNMean | GCNSeq2Seq = (
        GCNMean(2, batch_norm, region_l2, dim=DIM)
        if last == "mean"
        else GCNSeq2Seq(2, batch_norm, region_l2, last == "gru, normed", dim=DIM)
    )
    module.double().train(training)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                value += (
                    (0.3 * torch.randn_like(value)).abs()
                    if "var" in name
                    else 0.3 * torch.randn_like(value)
                )
    features, lengths = inputs(kind)
    upstream = torch.randn(5, DIM, dtype=torch.float64)
    normed = oracle.norm_in_training if training else oracle.norm_in_evaluation
    items = [item[:n] for item, n in zip(features, lengths.tolist(), strict=True)]
    then = oracle.mean if isinstance(module, GCNMean) else oracle.seq2seq(module.seq2seq.gru)
    wanted = oracle.vsrn(module.graph.layers, items, region_l2, normed, then)
    if isinstance(module, GCNSeq2Seq) and module.norm is not None:
        wanted = normed(module.norm, wanted)
    out, expected = module(features, lengths), torch.stack(wanted)
    of = [features, *module.parameters()]
    found, gradients = (torch.autograd.grad(each, of, upstream) for each in (out, expected))
    assert_close((out, *found), (expected, *gradients), rtol=1e-8, atol=1e-8)
    assert (found[0][~valid_mask(lengths, 8)] == 0).all()


def test_a_dimension_that_is_zero_in_all_regions_stays_zero() -> None:
    """VSRN's code divides it by its norm, 0."""
    features = torch.randn(2, 5, 4)
    features[0, :, 1] = 0
    out = GCNMean(region_l2="both", dim=4)(features.requires_grad_(), torch.tensor([5, 3]))
    out.sum().backward()
    assert out[0, 1] == 0
    assert features.grad is not None
    assert features.grad.isfinite().all()
