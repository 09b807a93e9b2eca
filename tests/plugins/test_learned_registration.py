"""The learned poolings as a user asks for them."""

from __future__ import annotations

import inspect

import pytest
import torch

from vsebench.plugin import SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.specs import create

NAMES = (
    "first",
    "last",
    "gem",
    "fspool",
    "softmax",
    "selfattn",
    "seq2seq",
    "esa",
    "gcn-mean",
    "gcn-seq2seq",
    "combo",
    "adaptive",
)


@pytest.mark.parametrize("name", NAMES)
def test_created_by_name(name: str) -> None:
    out = create("pooling", name, dim=6)(torch.randn(2, 3, 6), torch.tensor([3, 1]))
    assert out.shape == (2, 6)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_of_the_card_are_those_of_the_class(name: str) -> None:
    component = load_plugins().registry.get("pooling", name)
    signature = inspect.signature(component.load()).parameters
    assert {p.name: p.default for p in component.params} == {
        n: p.default for n, p in signature.items() if p.kind is p.POSITIONAL_OR_KEYWORD
    }


@pytest.mark.parametrize("name", NAMES)
def test_cards_say_where_figures_come_from(name: str) -> None:
    card = load_plugins().registry.get("pooling", name).card
    assert card.summary
    assert card.paper is None or (card.paper.url.startswith("https://") and card.paper.where)
    assert all("https://" in published.source and published.metrics for published in card.published)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("combo:of=mean+maxx", "unknown simple pooling 'maxx': did you mean 'max'"),
        (
            "combo:of=mean+",
            "unknown simple pooling '': known: first, kmax, last, max, mean, softmax",
        ),
        ("combo:of=mean+max+mean", "names 'mean' more than once"),
        ("gem:p=0.5", "'p' must be at least 1"),
        ("gcn-mean:layers=0", "'layers' must be at least 1"),
        ("fspool:pieces=0", "'pieces' must be at least 1"),
    ],
)
def test_mistakes_are_one_clear_line(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("+", r"\+")) as error:
        create("pooling", spec, dim=6)
    assert "\n" not in str(error.value)


def test_combo_tells_its_shares() -> None:
    assert create("pooling", "combo:of=mean+max+kmax:k=2", dim=6).weights() == pytest.approx(
        {"mean": 1 / 3, "max": 1 / 3, "kmax": 1 / 3}
    )
