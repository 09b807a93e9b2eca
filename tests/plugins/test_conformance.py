"""The first-party components keep the promises that the kit checks of anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.host.loader import load_plugins
from vsebench.testing import ConformanceError, checks

if TYPE_CHECKING:
    from vsebench.testing import Check

POOLINGS = (
    *(
        "mean",
        "max",
        "maxavg",
        "maxavg:w=0.2",
        "kmax",
        "kmax:k=1",
        "kmax:k=1000",
        "first",
        "last",
        "softmax",
        "gem",
        "fspool",
        "esa",
        "selfattn",
    ),
    *(
        "seq2seq",
        "gcn-mean:layers=2",
        "gcn-seq2seq:layers=2",
        "gcn-mean:region_l2=both",
        "gcn-seq2seq:region_l2=after",
        "combo",
        "combo:of=first+softmax",
        "adaptive",
        "gpo",
        "gpo:generator=transformer",
    ),
    *(
        "gpo:generator=mlp",
        "gpo:generator=interpolation",
        "gpo:encoding=learned",
        "gpo:weights=per-dimension",
        "gpo:reads=both",
    ),
    *(
        "gpo:generator=transformer:reads=features",
        "gpo:generator=mlp:reads=both:weights=per-dimension",
    ),
)
LOSSES = (
    *(
        "sum-hinge",
        "sum-hinge:margin=0.7:reduction=mean",
        "triplet",
        "triplet:margin=0.05:reduction=mean",
    ),
    *(
        "aoq",
        "aoq:margin=0.4:offline_margin=0.1:alpha=0.2:beta=0.5:reduction=mean",
        "aoq:alpha=0.1:beta=0.3:clamp_weight=true",
        "aoq:detach_weight=true",
    ),
    *(
        "aoq:terms=offtri",
        "aoq:terms=offquin:margin=0.4",
        "infonce",
        "infonce:temperature=0.5:margin=0.3",
        "infonce:learned=true",
    ),
    *(
        "mse",
        "siglip",
        "siglip:scale=3:bias=0.5",
        "selhn",
        "selhn:margin=0.4:epsilon=0.5",
        "adaptive",
        "adaptive:tau=0.3:margin=0:scale=1.5",
    ),
    *("adaptive:mode=constant:const=2", "triplet-global", "hinge", "logistic", "warp-weighted"),
)
SAMPLERS = (
    "uniform",
    "popularity",
    "popularity:power=0.5",
    "warp",
    "warp:trials=2",
    "dns:n=3",
    "dns:n=3:m=2",
    "softmax-oracle",
    "vse-ens:lam=0.2",
    "aobpr:ranks=2",
)


def each(kind: str, specs: tuple[str, ...]) -> list[Check]:
    return [check for spec in specs for check in checks(kind, spec)]  # type: ignore[arg-type]


@pytest.mark.parametrize("check", each("pooling", POOLINGS), ids=str)
def test_poolings(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    each("pooling", ("gcn-mean:batch_norm=true", "gcn-seq2seq:batch_norm=true:state_norm=true")),
    ids=str,
)
def test_poolings_with_batch_normalisation_break_the_promise_that_their_card_names(
    check: Check,
) -> None:
    if check.promise.name == "items_do_not_meet_in_training":
        with pytest.raises(ConformanceError, match="an item's embedding depends on other items"):
            check()
        assert any(check.promise.name in note for note in check.subject.component.card.notes)
    else:
        check()


@pytest.mark.parametrize("check", each("loss", LOSSES), ids=str)
def test_losses(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", each("sampler", SAMPLERS), ids=str)
def test_samplers(check: Check) -> None:
    check()


@pytest.mark.vsebench("similarity", "dot")
@pytest.mark.vsebench("batch-plan", "random")
@pytest.mark.vsebench("text-encoder", "bigru")
@pytest.mark.vsebench("text-encoder", "gru-last")
@pytest.mark.vsebench("image-encoder", "region")
@pytest.mark.vsebench("image-encoder", "grid")
def test_others(check: Check) -> None:
    check()


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [
        found
        for spec in POOLINGS
        for found in checks("pooling", spec, only="compiles_with_inductor")
    ],
    ids=str,
)
def test_poolings_with_inductor(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    ("kind", "specs"), [("pooling", POOLINGS), ("loss", LOSSES), ("sampler", SAMPLERS)]
)
def test_every_component_is_among_them(kind: str, specs: tuple[str, ...]) -> None:
    registered = {
        component.name
        for component in load_plugins().registry
        if component.kind == kind and component.origin.distribution == "vsebench"
    }
    assert {spec.partition(":")[0] for spec in specs} == registered
