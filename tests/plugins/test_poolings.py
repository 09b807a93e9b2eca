"""What the poolings of the suite do beyond what every pooling promises (test_conformance):
definitions, and edges of low precision and NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.testing import assert_close

from tests.oracles import pooling as oracle
from vsebench.kernels import valid_mask
from vsebench.testing import build

if TYPE_CHECKING:
    from torch import Tensor

FIXED = {
    "mean": oracle.mean,
    "max": max,
    "maxavg": oracle.max_avg(0.5),
    "maxavg:w=0.2": oracle.max_avg(0.2),
    "kmax": oracle.k_max(5),
    "kmax:k=1": max,
    "kmax:k=1000": oracle.mean,
}
BY_DIMENSION = (
    *FIXED,
    *(
        "gpo",
        "gpo:generator=transformer",
        "gpo:generator=mlp",
        "gpo:generator=interpolation",
        "gpo:encoding=learned",
        "gpo:weights=per-dimension",
    ),
    *("first", "last", "softmax", "gem", "fspool", "combo"),
)
"""Those that keep dimensions apart."""
MIXING = (
    *(
        "gpo:reads=both",
        "gpo:generator=transformer:reads=features",
        "gpo:generator=mlp:reads=both:weights=per-dimension",
    ),
    *("esa", "selfattn", "seq2seq", "gcn-mean:layers=2", "gcn-seq2seq:layers=2", "adaptive"),
)
IDENTITY = tuple(
    spec
    for spec in (*BY_DIMENSION, *MIXING)
    if spec.partition(":")[0]
    not in ("gem", "fspool", "selfattn", "seq2seq", "gcn-mean", "gcn-seq2seq")
)
"""Those that leave a single row as it is."""
READS = {"first": 0, "last": 8}
"""The only row of an item of 9 that some read."""
DIM = 5

EVERY = pytest.mark.parametrize("spec", [*BY_DIMENSION, *MIXING])


def ragged(
    batch: int = 6, rows: int = 9, dim: int = DIM, padding: float = math.nan
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(batch + rows)
    features = torch.randn(batch, rows, dim, generator=generator)
    lengths = torch.randint(1, rows + 1, (batch,), generator=generator)
    lengths[0], lengths[-1] = rows, 1
    features[~valid_mask(lengths, rows)] = padding
    return features, lengths


@pytest.mark.parametrize("spec", FIXED)
@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 9, 5), (3, 40, 70)])
def test_fixed_poolings_equal_a_loop(spec: str, shape: tuple[int, int, int]) -> None:
    features, lengths = ragged(*shape)
    expected = oracle.pool_by_loops(features, lengths, FIXED[spec])
    assert_close(build("pooling", spec)(features, lengths).double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("spec", IDENTITY)
def test_one_row_is_its_own_pooling(spec: str) -> None:
    pooling, (features, _) = build("pooling", spec, dim=DIM), ragged(padding=0.0)
    assert_close(
        pooling(features, torch.ones(6, dtype=torch.int64)), features[:, 0], rtol=1e-6, atol=1e-7
    )
    assert_close(
        pooling(features[:, :1], torch.ones(6, dtype=torch.int64)),
        features[:, 0],
        rtol=1e-6,
        atol=1e-7,
    )


@EVERY
def test_low_precision_features_of_a_pooling_in_single_precision(spec: str) -> None:
    pooling, (features, lengths) = build("pooling", spec, dim=DIM), ragged()
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = pooling(features.bfloat16(), lengths)
    exact = pooling(features.bfloat16().float(), lengths)
    assert under_autocast.dtype == torch.bfloat16
    assert_close(under_autocast.float(), exact, rtol=0.02, atol=0.02)
    assert_close(
        pooling(features.half(), lengths).float(),
        pooling(features.half().float(), lengths),
        rtol=2e-3,
        atol=2e-3,
    )


@EVERY
def test_a_single_nan_is_not_hidden(spec: str) -> None:
    features, lengths = ragged(padding=0.0)
    features[0, READS.get(spec, 4), 2] = math.nan
    bad = build("pooling", spec, dim=DIM)(features, lengths).isnan().nonzero().tolist()
    if spec in MIXING:
        assert [0, 2] in bad
        assert {item for item, _ in bad} == {0}
    else:
        assert bad == [[0, 2]]


def test_kmax_is_nan_where_an_infinity_is_not_among_the_largest() -> None:
    """As documented: a model with such features has failed, and should show it."""
    features = torch.tensor([[[3.0, 1.0], [2.0, -math.inf], [1.0, -math.inf]]])
    assert build("pooling", "kmax:k=2")(features, torch.tensor([3])).tolist() == [
        [2.5, pytest.approx(math.nan, nan_ok=True)]
    ]
    assert build("pooling", "kmax:k=3")(features, torch.tensor([3])).tolist() == [[2.0, -math.inf]]
