"""The constants of the published methods, as papers and released code have them, against what the
suite makes when nothing is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from vsebench.plugin import LossCard

_AOQ = {"margin": 0.2, "offline_margin": 0.0, "alpha": 0.3, "beta": 1.5, "h": 300}
_AOQ_AS_RELEASED = {
    "terms": "full",
    "detach_weight": False,
    "clamp_weight": False,
    "start": "scratch",
    "mine": "hard",
    "reduction": "sum",
}
_GPO = {"d_pe": 32, "d_hidden": 32, "temperature": 0.1}
_GPO_AS_PUBLISHED = {
    "generator": "gru",
    "encoding": "sincos",
    "reads": "positions",
    "weights": "shared",
}

PUBLISHED: dict[tuple[str, str], dict[str, object]] = {
    ("loss", "sum-hinge"): {"margin": 0.2, "reduction": "sum"},
    ("loss", "triplet"): {"margin": 0.2, "reduction": "sum"},
    ("loss", "aoq"): _AOQ | _AOQ_AS_RELEASED,
    # the released class has tau 0.01, its training 0.05
    ("loss", "adaptive"): {
        "tau": 0.05,
        "margin": 0.2,
        "scale": 1.25,
        "mode": "adaptive",
        "const": 3,
    },
    ("loss", "siglip"): {"scale": 10.0, "bias": -10.0},
    ("pooling", "gpo"): _GPO | _GPO_AS_PUBLISHED,
    ("pooling", "gem"): {"p": 3.0},
    ("sampler", "vse-ens"): {"lam": 0.001, "spread": "std"},
}


@pytest.mark.parametrize(("kind", "name"), PUBLISHED)
def test_constants_are_the_published_ones(kind: str, name: str) -> None:
    component, expected = load_plugins().registry.get(kind, name), PUBLISHED[kind, name]
    assert {
        param.name: param.default for param in component.params if param.name in expected
    } == expected
    made = component.create({}, **({"dim": 8} if kind == "pooling" else {}))
    assert (
        expected | {key: value for key, value in vars(made).items() if key in expected} == expected
    )


def test_aoq_keeps_the_300_hardest_captions_and_60_hardest_images() -> None:
    aoq = load_plugins().registry.get("loss", "aoq")
    spec = cast("LossCard", aoq.card).offline_for(
        {param.name: param.default for param in aoq.params}
    )
    assert spec is not None
    assert (spec.first_round, spec.text_h, spec.image_h, spec.start, spec.mine) == (
        "triplet",
        300,
        60,
        "scratch",
        "hard",
    )
