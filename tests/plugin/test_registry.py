"""Canonical specs, creation and context of components."""

from __future__ import annotations

import pytest

from vsebench.plugin import Card, LossCard, OfflineSpec, Param, PluginError, SpecError
from vsebench.plugin.errors import did_you_mean
from vsebench.plugin.registry import Component, Origin, Registry, quote


class Takes:
    """What the tests create."""

    def __init__(self, k: int, text: str = "", dim: int | None = None) -> None:
        self.k, self.text, self.dim = k, text, dim


class TakesNoContext:
    def __init__(self, k: int) -> None:
        self.k = k


PARAMS = (Param("k", 5), Param("text", ""))


def component(
    name: str = "it",
    kind: str = "pooling",
    *,
    dist: str = "dist",
    target: str = f"{__name__}:Takes",
    digest: str = "",
) -> Component:
    return Component(
        kind,
        name,
        target,
        PARAMS,
        Card("a component", version="3"),
        Origin(dist, "plugin", "1.0", digest),
    )


def test_a_canonical_spec_leaves_defaults_out():
    it = component()
    assert it.canonical(it.resolve({})) == "it"
    assert it.canonical(it.resolve({"k": "5"})) == "it"
    assert (
        it.canonical(it.resolve({"k": "7", "text": "a,b:c/d=e%f g"}))
        == "it:k=7:text=a%2Cb%3Ac%2Fd%3De%25f%20g"
    )
    assert it.canonical(it.resolve({"k": 7}), name="dist::it") == "dist::it:k=7"


def test_quoting_keeps_everything_else_readable():
    assert quote("Grün_1.5+x") == "Grün_1.5+x"


def test_creation_passes_the_context_that_the_class_takes():
    it = component().create({"k": "3"}, dim=8)
    assert (it.k, it.dim) == (3, 8)
    assert component(target=f"{__name__}:TakesNoContext").params


def test_a_class_that_has_no_use_for_the_context_ignores_it():
    plain = Component(
        "pooling",
        "p",
        f"{__name__}:TakesNoContext",
        (Param("k", 5),),
        Card("plain"),
        Origin("d", "p", "1"),
    )
    assert plain.create(dim=8).k == 5


def test_context_of_another_kind_is_an_error():
    with pytest.raises(SpecError, match=r"a pooling takes no context 'dimm': did you mean 'dim'\?"):
        component().create(dimm=8)
    with pytest.raises(SpecError, match="a pooling takes no context 'batch_size'"):
        component().create(batch_size=8)


@pytest.mark.parametrize(
    ("target", "why"),
    [("no_such_module:X", "ModuleNotFoundError"), (f"{__name__}:Absent", "AttributeError")],
)
def test_a_class_that_cannot_be_imported_names_the_plugin(target: str, why: str):
    with pytest.raises(
        PluginError,
        match=rf"pooling 'it' of plugin 'plugin' \(dist\) cannot be imported from {target}: {why}",
    ):
        component(target=target).create()


def test_the_content_of_a_plugin_file_is_part_of_the_version():
    assert component().version == "3"
    assert component(digest="abc").version == "3+abc"


def test_an_unknown_name_is_an_error_with_the_nearest_match():
    registry = Registry()
    for name in ("gpo", "mean", "maxavg"):
        registry.add(component(name))
    with pytest.raises(SpecError, match=r"unknown pooling 'gpoo': did you mean 'gpo'\?"):
        registry.get("pooling", "gpoo")
    with pytest.raises(SpecError, match=r"unknown pooling 'GPO': did you mean 'gpo'\?"):
        registry.get("pooling", "GPO")
    with pytest.raises(SpecError, match="unknown pooling 'xyz': known: gpo, maxavg, mean"):
        registry.get("pooling", "xyz")
    with pytest.raises(SpecError, match="unknown loss 'gpo': known: none"):
        registry.get("loss", "gpo")


def test_one_name_may_belong_to_several_kinds():
    registry = Registry()
    registry.add(component("same"))
    registry.add(component("same", "similarity"))
    assert [found.kind for found in registry.find("same")] == ["pooling", "similarity"]


def test_merging_is_all_or_nothing():
    registry, other = Registry(), Registry()
    registry.add(component("taken"))
    other.add(component("new"))
    other.add(component("taken"))
    with pytest.raises(PluginError, match="'taken' is registered twice by dist"):
        registry.merge(other)
    assert [c.name for c in registry] == ["taken"]


def test_did_you_mean_gives_one_name_or_all():
    assert did_you_mean("tripplet", ["triplet", "aoq"]) == "did you mean 'triplet'?"
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", []) == "known: none"


def test_a_loss_card_may_derive_its_offline_needs_from_parameters():
    fixed = LossCard("x", offline=OfflineSpec(text_h=7))
    derived = LossCard(
        "x",
        offline=lambda params: OfflineSpec(text_h=int(params["h"]), image_h=int(params["h"]) // 5),
    )
    assert fixed.offline_for({}) == OfflineSpec(text_h=7)
    assert derived.offline_for({"h": 100}) == OfflineSpec(text_h=100, image_h=20)
    assert LossCard("x").offline_for({}) is None
