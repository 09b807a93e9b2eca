"""What every pooling of the suite must do, on any input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import torch
from torch.testing import assert_close

from tests.oracles import pooling as oracle
from vsebench.kernels import valid_mask
from vsebench_adaptive.pooling import AdaptivePooling
from vsebench_classic.poolings import KMax, Max, MaxAvg, Mean
from vsebench_gpo.pooling import GPO
from vsebench_learned.attention import ESA, SelfAttention, Softmax
from vsebench_learned.combination import Combo
from vsebench_learned.fspool import FSPool
from vsebench_learned.gem import GeM
from vsebench_learned.graph import GCNMean, GCNSeq2Seq
from vsebench_learned.positions import First, Last
from vsebench_learned.recurrent import Seq2Seq

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

FIXED = {
    "mean": (Mean, oracle.mean),
    "max": (Max, max),
    "maxavg": (MaxAvg, oracle.max_avg(0.5)),
    "maxavg:w=0.2": (lambda: MaxAvg(0.2), oracle.max_avg(0.2)),
    "kmax": (KMax, oracle.k_max(5)),
    "kmax:k=1": (lambda: KMax(1), max),
    "kmax:k=1000": (lambda: KMax(1000), oracle.mean),
}


DIM = 5


@dataclass(frozen=True)
class Case:
    """A pooling, and what its definition promises beyond the contract.

    Attributes:
        create: makes it, for features of size `DIM`.
        a_set: the order of the rows does not matter.
        identity: one row is its own pooling.
        by_dimension: dimensions do not mix.
        one_graph: dynamo traces it, which it refuses for `nn.GRU`.
        reads: a row that it reads of an item of 9.
    """

    create: Callable[[], nn.Module]
    a_set: bool = True
    identity: bool = True
    by_dimension: bool = True
    one_graph: bool = True
    reads: int = 4


CASES = {
    **{name: Case(create) for name, (create, _) in FIXED.items()},
    "gpo": Case(GPO),
    "gpo:generator=transformer": Case(lambda: GPO(generator="transformer")),
    "gpo:generator=mlp": Case(lambda: GPO(generator="mlp")),
    "gpo:generator=interpolation": Case(lambda: GPO(generator="interpolation")),
    "gpo:encoding=learned": Case(lambda: GPO(encoding="learned")),
    "gpo:weights=per-dimension": Case(lambda: GPO(weights="per-dimension", dim=DIM)),
    "gpo:reads=both": Case(lambda: GPO(reads="both", dim=DIM), by_dimension=False, one_graph=False),
    "gpo:generator=transformer:reads=features": Case(lambda: GPO(generator="transformer", reads="features", dim=DIM), by_dimension=False),
    "gpo:generator=mlp:reads=both:weights=per-dimension": Case(
        lambda: GPO(generator="mlp", reads="both", weights="per-dimension", dim=DIM), by_dimension=False
    ),
    "first": Case(First, a_set=False, reads=0),
    "last": Case(Last, a_set=False, reads=8),
    "softmax": Case(Softmax),
    "gem": Case(GeM, identity=False),
    "fspool": Case(lambda: FSPool(dim=DIM), identity=False),
    "esa": Case(lambda: ESA(dim=DIM), by_dimension=False),
    "selfattn": Case(lambda: SelfAttention(dim=DIM), identity=False, by_dimension=False),
    "seq2seq": Case(lambda: Seq2Seq(dim=DIM), a_set=False, identity=False, by_dimension=False, one_graph=False),
    "gcn-mean": Case(lambda: GCNMean(2, dim=DIM), identity=False, by_dimension=False),
    "gcn-seq2seq": Case(lambda: GCNSeq2Seq(2, dim=DIM), a_set=False, identity=False, by_dimension=False, one_graph=False),
    "combo": Case(Combo),
    "adaptive": Case(lambda: AdaptivePooling(dim=DIM), by_dimension=False),
}


def having(promise: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("pooling", [name for name, case in CASES.items() if getattr(case, promise)], indirect=True)


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    module = CASES[name].create()
    with torch.no_grad():  # some parameters start at 0, and would hide what they do
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return module


@pytest.fixture(params=CASES)
def pooling(request: pytest.FixtureRequest) -> nn.Module:
    return build(request.param)


def ragged(batch: int = 6, rows: int = 9, dim: int = DIM, padding: float = math.nan) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch + rows)
    features = torch.randn(batch, rows, dim, generator=generator)
    lengths = torch.randint(1, rows + 1, (batch,), generator=generator)
    lengths[0], lengths[-1] = rows, 1
    features[~valid_mask(lengths, rows)] = padding
    return features, lengths


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 9, 5), (3, 40, 70)])
def test_fixed_poolings_equal_a_loop(name: str, shape: tuple[int, int, int]) -> None:
    create, pool = FIXED[name]
    features, lengths = ragged(*shape)
    assert_close(create()(features, lengths).double(), oracle.pool_by_loops(features, lengths, pool), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("padding", [math.nan, math.inf, -math.inf, 1e30])
def test_padding_is_never_read(pooling: nn.Module, padding: float) -> None:
    clean, lengths = ragged(padding=0.0)
    poisoned, _ = ragged(padding=padding)
    outputs = []
    for features in (clean, poisoned):
        pooling.zero_grad()
        features.requires_grad_()
        out = pooling(features, lengths)
        out.square().sum().backward()
        assert features.grad is not None
        assert (features.grad[~valid_mask(lengths, 9)] == 0).all()
        outputs.append((out, features.grad, *(p.grad for p in pooling.parameters())))
    for one, other in zip(*outputs, strict=True):
        assert torch.equal(one, other)


def test_more_padding_changes_nothing(pooling: nn.Module) -> None:
    features, lengths = ragged()
    wider = torch.cat([features, torch.full((6, 7, 5), math.nan)], dim=1)
    assert_close(pooling(wider, lengths), pooling(features, lengths), rtol=1e-5, atol=1e-5)  # attention over more keys is summed in another order


def test_an_item_does_not_depend_on_the_batch(pooling: nn.Module) -> None:
    features, lengths = ragged(8)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    out = pooling(features, lengths)
    assert_close(pooling(features[order], lengths[order]), out[order], rtol=1e-6, atol=1e-6)
    for i in range(8):
        assert_close(pooling(features[i : i + 1], lengths[i : i + 1]), out[i : i + 1], rtol=1e-6, atol=1e-6)


@having("a_set")
def test_rows_may_come_in_any_order(pooling: nn.Module) -> None:
    features, lengths = ragged()
    turned = features.clone()
    for i, length in enumerate(lengths.tolist()):
        turned[i, :length] = features[i, :length].flip(0)
    assert_close(pooling(turned, lengths), pooling(features, lengths), rtol=1e-5, atol=1e-6)


@having("identity")
def test_one_row_is_its_own_pooling(pooling: nn.Module) -> None:
    features, _ = ragged(padding=0.0)
    assert_close(pooling(features, torch.ones(6, dtype=torch.int64)), features[:, 0], rtol=1e-6, atol=1e-7)
    assert_close(pooling(features[:, :1], torch.ones(6, dtype=torch.int64)), features[:, 0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("grad", [True, False])
def test_an_empty_batch(pooling: nn.Module, grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        out = pooling(torch.zeros(0, 4, DIM, requires_grad=grad), torch.zeros(0, dtype=torch.int64))
    assert out.shape == (0, DIM)
    if grad:
        out.sum().backward()


def test_any_memory_layout(pooling: nn.Module) -> None:
    features, lengths = ragged()
    strided = torch.empty(5, 9, 6).permute(2, 1, 0).copy_(features)
    assert not strided.is_contiguous()
    assert_close(pooling(strided, lengths), pooling(features, lengths), rtol=1e-6, atol=1e-6)


def test_gradcheck(pooling: nn.Module) -> None:
    features, lengths = ragged(4, 6, padding=0.0)
    exact = pooling.double()
    inputs = (features.double().requires_grad_(), *exact.parameters())

    def pool(x: Tensor, *_: Tensor) -> Tensor:
        return exact(x, lengths)

    assert torch.autograd.gradcheck(pool, inputs, fast_mode=True)


def test_half_precision(pooling: nn.Module) -> None:
    features, lengths = ragged()
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = pooling(features.bfloat16(), lengths)
    exact = pooling(features.bfloat16().float(), lengths)
    assert under_autocast.dtype == torch.bfloat16
    assert_close(under_autocast.float(), exact, rtol=0.02, atol=0.02)
    assert_close(pooling(features.half(), lengths).float(), pooling(features.half().float(), lengths), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", CASES)
def test_a_valid_nan_is_not_hidden(name: str) -> None:
    features, lengths = ragged(padding=0.0)
    features[0, CASES[name].reads, 2] = math.nan
    bad = build(name)(features, lengths).isnan().nonzero().tolist()
    if CASES[name].by_dimension:
        assert bad == [[0, 2]]
    else:
        assert [0, 2] in bad
        assert {item for item, _ in bad} == {0}


def compiled(module: nn.Module) -> Callable[..., Tensor]:
    torch._dynamo.reset()
    return torch.compile(module, backend="eager", fullgraph=True)  # raises where tracing would stop, as at a host sync


@having("one_graph")
def test_traces_into_one_graph(pooling: nn.Module) -> None:
    features, lengths = ragged(3, 4)
    assert_close(compiled(pooling)(features, lengths), pooling(features, lengths), rtol=1e-5, atol=1e-6)
