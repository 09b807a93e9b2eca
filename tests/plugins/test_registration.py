"""What the first-party plugins register, and what they import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from vsebench.plugin import Card, LossCard, Param
from vsebench_plugins import adaptive, aoq, classic, contrastive, gpo, learned

PLUGINS = (classic, gpo, aoq, learned, contrastive, adaptive)
EXPECTED = {
    "vsebench_register_poolings": {
        *(
            "mean",
            "max",
            "maxavg",
            "kmax",
            "gpo",
            "first",
            "last",
            "gem",
            "fspool",
            "softmax",
            "selfattn",
            "seq2seq",
            "esa",
        ),
        *("gcn-mean", "gcn-seq2seq", "combo", "adaptive"),
    },
    "vsebench_register_losses": {
        "sum-hinge",
        "triplet",
        "aoq",
        "infonce",
        "siglip",
        "selhn",
        "adaptive",
        "mse",
    },
    "vsebench_register_similarities": {"dot"},
    "vsebench_register_batch_plans": {"random"},
}


def registered() -> list[tuple[str, str, str, list[Param], Card]]:
    found: list[tuple[str, str, str, list[Param], Card]] = []
    for plugin in PLUGINS:
        for hook in EXPECTED:
            if hasattr(plugin, hook):
                getattr(plugin, hook)(
                    lambda name, target, *, card, params=(), hook=hook: found.append(
                        (hook, name, target, list(params), card)
                    )
                )
    return found


COMPONENTS = pytest.mark.parametrize(
    ("hook", "name", "target", "params", "card"),
    registered(),
    ids=lambda x: x if isinstance(x, str) else "",
)


def test_everything_is_registered_once() -> None:
    names = [(hook, name) for hook, name, *_ in registered()]
    assert sorted(names) == sorted(
        (hook, name) for hook, group in EXPECTED.items() for name in group
    )


@COMPONENTS
def test_defaults_of_the_card_are_those_of_the_class(
    hook: str, name: str, target: str, params: list[Param], card: Card
) -> None:
    module, _, attribute = target.partition(":")
    cls = getattr(__import__(module, fromlist=[attribute]), attribute)
    signature = inspect.signature(cls).parameters
    assert {p.name: p.default for p in params} == {
        name: p.default for name, p in signature.items() if p.kind is p.POSITIONAL_OR_KEYWORD
    }
    cls(**{p.name: p.default for p in params}, **({"dim": 4} if "dim" in signature else {}))


@COMPONENTS
def test_cards_say_where_a_method_comes_from(
    hook: str, name: str, target: str, params: list[Param], card: Card
) -> None:
    assert card.summary
    assert isinstance(card, LossCard) == (hook == "vsebench_register_losses")
    if card.paper is not None:
        assert card.paper.url.startswith("https://")
        assert card.paper.where


@pytest.mark.parametrize(("h", "image_h"), [(300, 60), (5, 1), (1, 1), (7, 1), (10, 2)])
def test_aoq_tells_the_plan_what_to_mine(h: int, image_h: int) -> None:
    card = next(card for _, name, _, _, card in registered() if name == "aoq")
    assert isinstance(card, LossCard)
    spec = card.offline_for({"h": h, "start": "warm", "mine": "random"})
    assert spec is not None
    assert (spec.first_round, spec.text_h, spec.image_h, spec.start, spec.mine) == (
        "triplet",
        h,
        image_h,
        "warm",
        "random",
    )


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_registering_imports_no_torch_and_no_numba() -> None:
    modules = ", ".join(plugin.__name__ for plugin in PLUGINS)
    code = (
        f"import sys, {modules}; print([m for m in ('torch', 'numba', 'numpy') if m in "
        "sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_plugins_import_the_public_surface_only() -> None:
    code = (
        "import sys; from vsebench_plugins.classic import losses, plans, poolings, similarity; "
        "from vsebench_plugins.aoq import loss; from vsebench_plugins.gpo import pooling; "
        "print(*sorted(m for m in sys.modules if m.startswith('vsebench.')))"
    )
    layers = {module.split(".")[1] for module in run_python(code).split()}
    assert layers <= {"plugin", "kernels", "data"}
