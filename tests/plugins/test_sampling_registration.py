"""The samplers and annotation losses as a user asks for them."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from vsebench.plugin import LossCard, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.specs import create

SAMPLERS = ("uniform", "popularity", "warp", "dns", "softmax-oracle", "vse-ens", "aobpr")
LOSSES = ("hinge", "logistic", "warp-weighted")
EVERY = pytest.mark.parametrize(
    ("kind", "name"),
    [*(("sampler", name) for name in SAMPLERS), *(("loss", name) for name in LOSSES)],
)


@EVERY
def test_defaults_of_the_card_are_those_of_the_class(kind: str, name: str) -> None:
    component = load_plugins().registry.get(kind, name)  # type: ignore[arg-type]
    assert {p.name: p.default for p in component.params} == {
        n: p.default for n, p in inspect.signature(component.load()).parameters.items()
    }
    create(kind, name).kernel()


@EVERY
def test_cards_say_where_a_method_comes_from(kind: str, name: str) -> None:
    card = load_plugins().registry.get(kind, name).card  # type: ignore[arg-type]
    assert card.summary
    assert card.paper is not None
    assert card.paper.url.startswith("https://")
    assert card.paper.where
    assert kind == "sampler" or (isinstance(card, LossCard) and card.task == "annotation")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vse-ens:lambda=0.1", "sampler 'vse-ens' has no parameter 'lambda': did you mean 'lam'"),
        ("vse-ens:spread=sd", "'spread' must be one of std, variance"),
        ("vse-ens:lam=-1", "'lam' must be at least 0"),
        ("warp:trials=-1", "'trials' must be at least 0"),
        ("warp:xi=mid", "'xi' must be one of top, mean"),
        ("dns:n=0", "'n' must be at least 1"),
        ("wrap", "unknown sampler 'wrap': did you mean 'warp'"),
    ],
)
def test_wrong_specs(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        create("sampler", spec)


def test_registering_imports_no_torch_and_no_numba() -> None:
    code = (
        "import sys, vsebench_plugins.sampling, vsebench_plugins.ens; print([m for m in "
        "('torch', 'numba', 'numpy') if m in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_the_compiled_laws_are_loaded_when_asked_for() -> None:
    code = (
        "import sys, vsebench_plugins.sampling.scored, vsebench_plugins.sampling.independent, "
        "vsebench_plugins.sampling.losses, vsebench_plugins.ens.sampler; "
        "print('numba' in sys.modules, *{m.split('.')[1] for m in sys.modules if "
        "m.startswith('vsebench.')})"
    )
    numba, *layers = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert numba == "False"
    assert set(layers) <= {"plugin", "kernels"}
