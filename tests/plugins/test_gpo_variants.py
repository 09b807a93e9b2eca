"""GPO's ablations against their oracles; what every pooling must do is in
`test_pooling_contract`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.oracles import gpo_variants as oracle
from tests.oracles.learned_pooling import by_items
from vsebench.kernels import valid_mask
from vsebench.plugin import SpecError
from vsebench.plugin.specs import create
from vsebench_plugins.gpo.positional import MAX_RANKS

if TYPE_CHECKING:
    from torch import Tensor

DIM = 5
GENERATORS = ("gru", "transformer", "mlp", "interpolation")
CHOICES = itertools.product(
    GENERATORS,
    ("sincos", "learned"),
    ("positions", "features", "both"),
    ("shared", "per-dimension"),
)
VARIANTS = [
    f"gpo:generator={generator}:encoding={encoding}:reads={reads}:weights={weights}:d_hidden=8"
    for generator, encoding, reads, weights in CHOICES
    if not (generator == "interpolation" and (reads != "positions" or encoding == "learned"))
    and not (reads == "features" and encoding == "learned")
]


def build(spec: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return create("pooling", spec, dim=DIM).to(dtype)


def ragged(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([1, 7, 3, 2, 5])
    features = torch.randn(5, 8, DIM, dtype=dtype, generator=torch.Generator().manual_seed(1))
    features[1, 2] = features[1, 4]  # ties
    return features.masked_fill(~valid_mask(lengths, 8)[:, :, None], torch.nan), lengths


@pytest.mark.parametrize("spec", VARIANTS)
def test_equals_the_oracle_with_gradients(spec: str) -> None:
    module = build(spec)
    generator = spec.split("=")[1].split(":")[0]
    results = []
    for pool in (
        module,
        lambda x, n: by_items(x, n, lambda rows: oracle.gpo(module, generator, rows)),
    ):
        module.zero_grad()
        features, lengths = ragged()
        out = pool(features.requires_grad_(), lengths)
        (out * torch.arange(1, 26).view(5, DIM)).sum().backward()
        assert features.grad is not None
        results.append(
            (out, features.grad, {name: p.grad for name, p in module.named_parameters()})
        )
    ours, theirs = results
    assert_close(ours[0], theirs[0], rtol=1e-6, atol=1e-6)  # the encoding is rounded to float32
    assert_close(ours[1], theirs[1].masked_fill(theirs[1].isnan(), 0), rtol=1e-5, atol=1e-6)
    assert_close(ours[2], theirs[2], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", VARIANTS)
def test_gradcheck(spec: str) -> None:
    module = build(spec)
    features = torch.randn(3, 4, DIM, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 3])
    assert torch.autograd.gradcheck(
        lambda x, *_: module(x, lengths), (features, *module.parameters()), fast_mode=True
    )


def test_the_published_path_is_pinned() -> None:
    """Initial parameters are drawn in one order, and weights computed in one way: runs of `gpo`
    stay comparable.
    """
    torch.manual_seed(0)
    gpo = create("pooling", "gpo", dim=DIM)
    assert [name for name, _ in gpo.named_parameters()][0::8] == [
        "gru.weight_ih_l0",
        "linear.weight",
    ]
    sums = [
        -2.116199,
        -2.958035,
        -2.635757,
        1.487173,
        9.377402,
        4.422687,
        -1.199348,
        -0.187496,
        0.646693,
    ]
    assert [p.double().sum().item() for p in gpo.parameters()] == pytest.approx(sums, abs=1e-5)
    assert_close(
        gpo.weights(5), torch.tensor([0.0794, 0.1199, 0.2016, 0.3021, 0.2970]), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("reads", ["positions", "features", "both"])
def test_per_dimension_weights_that_agree_are_shared_ones(reads: str) -> None:
    shared, separate = (
        build(f"gpo:reads={reads}:weights={weights}") for weights in ("shared", "per-dimension")
    )
    state = shared.state_dict()
    separate.load_state_dict({**state, "linear.weight": state["linear.weight"].expand(DIM, -1)})
    features, lengths = ragged()
    assert_close(separate(features, lengths), shared(features, lengths))


def test_each_dimension_has_weights_of_its_own() -> None:
    gpo = build("gpo:weights=per-dimension")
    weights = gpo.weights(6)
    assert weights.shape == (6, DIM)
    assert_close(weights.sum(dim=0), torch.ones(DIM, dtype=torch.float64))
    assert (weights[:, 0] - weights[:, 1]).abs().max() > 0.01


@pytest.mark.parametrize("generator", ["gru", "transformer", "mlp"])
def test_reading_features_makes_weights_depend_on_them(generator: str) -> None:
    """Doubling the values doubles a pooling by rank and length; reading them does not."""
    features, lengths = ragged()
    for reads, doubles in (("positions", True), ("features", False), ("both", False)):
        gpo = build(f"gpo:generator={generator}:reads={reads}")
        assert (
            torch.allclose(gpo(2 * features, lengths)[1:], 2 * gpo(features, lengths)[1:])
            == doubles
        )


def test_a_perceptron_of_positions_does_not_see_the_length() -> None:
    """Its scores are the same in every set: ratios of weights are, too."""
    mlp, gru = (build(f"gpo:generator={generator}") for generator in ("mlp", "gru"))
    ratios = [
        [(gpo.weights(n)[0] / gpo.weights(n)[1]).item() for n in (2, 7)] for gpo in (mlp, gru)
    ]
    assert ratios[0][0] == pytest.approx(ratios[0][1])
    assert ratios[1][0] != pytest.approx(ratios[1][1], rel=1e-3)


def test_interpolation_follows_the_relative_rank() -> None:
    gpo = build("gpo:generator=interpolation:d_hidden=3")
    with torch.no_grad():
        gpo.linear.weight.copy_(torch.tensor([[0.0, 0.1, 0.0]]))
    expected = torch.tensor([0, 0.5, 1, 0.5, 0], dtype=torch.float64).softmax(dim=0)
    assert_close(gpo.weights(5), expected)


def test_the_transformer_is_an_encoder_layer_of_torch() -> None:
    ours = build("gpo:generator=transformer:d_hidden=8").transformer
    theirs = nn.TransformerEncoderLayer(
        8, 4, 32, dropout=0.0, batch_first=True, dtype=torch.float64
    )
    names = {
        "attention_in": "self_attn.in_proj_",
        "attention_out": "self_attn.out_proj.",
        "attention_norm": "norm1.",
    }
    names |= {"forward_in": "linear1.", "forward_out": "linear2.", "forward_norm": "norm2."}
    theirs.load_state_dict(
        {
            theirs_name + kind: getattr(getattr(ours, name), kind)
            for name, theirs_name in names.items()
            for kind in ("weight", "bias")
        }
    )
    rows, lengths = torch.randn(3, 6, 32, dtype=torch.float64), torch.tensor([6, 1, 4])
    mask = valid_mask(lengths, 6)
    assert_close(
        ours(rows, lengths)[mask], theirs(ours.input(rows), src_key_padding_mask=~mask)[mask]
    )


@pytest.mark.parametrize("reads", ["features", "both"])
def test_no_length_has_weights_of_its_own_when_features_are_read(reads: str) -> None:
    with pytest.raises(SpecError, match=f"with reads={reads} the weights depend on the features"):
        build(f"gpo:reads={reads}").weights(3)


def test_learned_encodings_end() -> None:
    gpo = build("gpo:encoding=learned")
    assert len(gpo.weights(MAX_RANKS)) == MAX_RANKS
    with pytest.raises(
        SpecError,
        match=f"knows {MAX_RANKS} ranks, but a set has {MAX_RANKS + 1} rows: take encoding=sincos",
    ):
        gpo.weights(MAX_RANKS + 1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "gpo:generator=interpolation:reads=both",
            "generator=interpolation .*: drop reads=both",
        ),
        (
            "gpo:generator=interpolation:encoding=learned",
            "generator=interpolation .*: drop encoding=learned",
        ),
        (
            "gpo:generator=interpolation:d_pe=16",
            "generator=interpolation .*: drop d_pe=16",
        ),
        (
            "gpo:reads=features:encoding=learned",
            "reads=features .*: drop encoding=learned",
        ),
        (
            "gpo:reads=features:d_pe=16",
            "reads=features .*: drop d_pe=16",
        ),
        (
            "gpo:generator=transformer:d_hidden=30",
            "'d_hidden' .* of 4, got 30",
        ),
        (
            "gpo:generator=lstm",
            "'generator' must be one of gru, transformer, mlp, interpolation",
        ),
        ("gpo:weights=own", "'weights' must be one of shared, per-dimension"),
    ],
)
def test_mistakes_are_one_clear_line(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        create("pooling", spec, dim=DIM)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("choice", ["weights=per-dimension", "reads=features", "reads=both"])
def test_the_embedding_size_is_asked_for(choice: str) -> None:
    with pytest.raises(SpecError, match=f"{choice} needs the embedding size: create it with dim=D"):
        create("pooling", f"gpo:{choice}")
