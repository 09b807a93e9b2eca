"""A run's components: what specs resolve to, and what follows from their slots, so that a new one
is one field.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args, get_type_hints

import pytest

import vsebench
from tests.factories import component, make_annotation_spec, make_record, make_spec
from vsebench.grid import preflight
from vsebench.plugin import Card, Param, PluginError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import KINDS
from vsebench.plugin.registry import Component, Origin, Registry
from vsebench.plugin.specs import create, parse_spec, split_list
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import conditions
from vsebench.report.verification.matching import uses
from vsebench.results.components import ComponentRef, ComponentSlot, resolve_pooling, resolve_ref
from vsebench.results.observers import info_of
from vsebench.results.protocol import NEVER, Protocol
from vsebench.results.run_base import make
from vsebench.results.spec import AnnotationSpec, RunSpec

if TYPE_CHECKING:
    from vsebench.results.run_base import RunBase


@pytest.fixture
def registry() -> Registry:
    """Two distributions that both claim `gpo`, and `kmax` of one of them."""
    registry = Registry()
    for name, dist in (("gpo", "vsebench"), ("gpo", "acme"), ("kmax", "vsebench")):
        params = (Param("k", 5, minimum=1), Param("text", ""))
        registry.add(
            Component(
                "pooling",
                name,
                "module:Class",
                params,
                Card("a pooling", version="2"),
                Origin(dist, "plugin", "0.3"),
            )
        )
    return registry


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("kmax", ("kmax", {})),
        ("kmax:k=5", ("kmax", {"k": "5"})),
        ("name:a=1:b=x", ("name", {"a": "1", "b": "x"})),
        (" kmax:k=5 ", ("kmax", {"k": "5"})),
        ("acme::gpo", ("acme::gpo", {})),
        ("acme::gpo:k=5", ("acme::gpo", {"k": "5"})),
        ("my.file.py::own:k=5", ("my.file.py::own", {"k": "5"})),
        ("x:path=a%2Cb%3Ac%2fd%25", ("x", {"path": "a,b:c/d%"})),
        ("x:name=Gr%C3%BCn", ("x", {"name": "Grün"})),
        ("x:empty=", ("x", {"empty": ""})),
    ],
)
def test_a_spec_is_a_name_and_parameters(text: str, parsed: tuple[str, dict[str, str]]):
    assert parse_spec(text) == parsed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a component spec: write NAME or NAME:KEY=VALUE:KEY=VALUE"),
        (":k=5", "is not a component spec"),
        ("=5", "is not a component spec"),
        ("kmax:", "'kmax:': '' is not a parameter: write NAME:KEY=VALUE"),
        ("kmax::k=5", "'' is not a parameter"),
        ("kmax:5", "'5' is not a parameter"),
        ("kmax:=5", "'=5' is not a parameter"),
        ("kmax:k=5:", "'' is not a parameter"),
        ("kmax:k=5:k=6", "parameter 'k' is given twice"),
        ("x:share=50%", "a percent sign in a value is written %25"),
        ("x:share=%zz", "a percent sign in a value is written %25"),
    ],
)
def test_what_is_no_spec_is_refused(text: str, message: str):
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    assert message in str(caught.value)


def test_lists_are_comma_separated():
    assert split_list("gpo, maxavg:w=0.3 ,acme::gpo") == ["gpo", "maxavg:w=0.3", "acme::gpo"]
    for text in ("", "a,,b", "a,", ",a", " , "):
        with pytest.raises(SpecError, match="has an empty item"):
            split_list(text)


def test_a_reference_says_all_that_identifies_a_component(registry: Registry):
    ref = resolve_ref("pooling", "kmax:k=7", registry)
    assert ref.model_dump() == {
        "spec": "kmax:k=7",
        "name": "kmax",
        "params": {"k": 7, "text": ""},
        "version": "2",
        "distribution": "vsebench",
        "plugin": "plugin",
        "distribution_version": "0.3",
    }


def test_equal_components_have_equal_specs_however_they_are_written(registry: Registry):
    specs = {
        resolve_ref("pooling", text, registry).spec
        for text in ("kmax", "kmax:k=5", "kmax:k=05", "vsebench::kmax", " kmax:text=:k=5")
    }
    assert specs == {"kmax"}


def test_a_claimed_name_keeps_its_distribution_but_not_in_its_identity(registry: Registry):
    ref = resolve_ref("pooling", "acme::gpo:k=7", registry)
    assert (ref.spec, ref.name, ref.identity()["name"], ref.identity()["distribution"]) == (
        "acme::gpo:k=7",
        "acme::gpo",
        "gpo",
        "acme",
    )
    with pytest.raises(SpecError, match="vsebench::gpo or acme::gpo"):
        resolve_ref("pooling", "gpo", registry)


def test_any_value_survives_its_canonical_spec(registry: Registry):
    rng = random.Random(0)
    component = registry.get("pooling", "kmax")
    for _ in range(500):
        value = "".join(rng.choice("aZ9%,:/= .-_ü\t√%2C") for _ in range(rng.randrange(8)))
        spec = component.canonical(component.resolve({"text": value, "k": 3}))
        assert len(split_list(spec)) == 1
        assert "/" not in spec
        assert resolve_ref("pooling", spec, registry).params == {"k": 3, "text": value}


def test_a_pooling_serves_both_towers_or_one_each(registry: Registry):
    both = resolve_pooling("kmax:k=7", registry)
    assert [side.spec for side in both] == ["kmax:k=7", "kmax:k=7"]
    pair = resolve_pooling("kmax:k=7/acme::gpo", registry)
    assert [side.spec for side in pair] == ["kmax:k=7", "acme::gpo"]


@pytest.mark.parametrize("text", ["a/b/c", "kmax/", "/kmax", "/", " / "])
def test_a_pair_has_two_sides(text: str, registry: Registry):
    with pytest.raises(SpecError, match="is not a pair: write IMAGE/TEXT"):
        resolve_pooling(text, registry)


def test_pairs_are_for_poolings_only():
    with pytest.raises(
        SpecError, match="loss 'triplet/aoq': '/' joins an image and a text pooling"
    ):
        resolve_ref("loss", "triplet/aoq", load_plugins().registry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kmx", r"unknown pooling 'kmx': did you mean 'kmax'\?"),
        ("kmax:kk=5", r"pooling 'kmax' has no parameter 'kk': did you mean 'k'\?"),
        ("kmax:k=five", "pooling 'kmax': parameter 'k' must be an integer, got 'five'"),
        ("kmax:k=0", "pooling 'kmax': parameter 'k' must be at least 1, got 0"),
    ],
)
def test_misspelt_names_and_bad_values_are_errors(text: str, message: str, registry: Registry):
    with pytest.raises(SpecError, match=message):
        resolve_pooling(f"kmax/{text}", registry)


def test_create_makes_a_component_from_its_spec():
    assert vsebench.create is create
    assert create("loss", "triplet:margin=0.3").margin == 0.3
    assert create("pooling", "kmax:k=3", dim=1024).k == 3
    with pytest.raises(
        SpecError, match=r"unknown kind of component 'poolings': did you mean 'pooling'\?"
    ):
        create("poolings", "kmax")
    with pytest.raises(SpecError, match=r"a pooling takes no context 'dims': did you mean 'dim'\?"):
        create("pooling", "kmax", dims=3)


def test_a_component_that_cannot_be_imported_says_whose_it_is(registry: Registry):
    with pytest.raises(
        PluginError,
        match=(
            r"pooling 'kmax' of plugin 'plugin' \(vsebench\) "
            r"cannot be imported from module:Class"
        ),
    ):
        registry.get("pooling", "kmax").create({})


class Reviewed(RunSpec):
    """A retrieval run with one more component, and one more that its protocol names."""

    reviewer: Annotated[ComponentRef | None, ComponentSlot("stopping-rule")] = None
    second: Annotated[
        ComponentRef | None, ComponentSlot("stopping-rule", held_equal=True, absent="nobody")
    ] = None


def reviewed(**components: ComponentRef) -> Reviewed:
    return Reviewed(**{**dict(make_spec()), **components})


@pytest.mark.parametrize("spec", [RunSpec, AnnotationSpec])
def test_every_component_of_a_run_has_a_slot(spec: type[RunBase]) -> None:
    hints = get_type_hints(spec)
    fields = [name for name, hint in hints.items() if ComponentRef in (hint, *get_args(hint))]
    assert {slot.field for slot in spec.slots()} == set(fields)
    assert all(slot.kind in KINDS for slot in spec.slots())


@pytest.mark.parametrize("spec", [RunSpec, AnnotationSpec])
def test_the_slots_that_are_held_equal_are_the_components_of_the_protocol(
    spec: type[RunBase],
) -> None:
    keys = spec.model_fields["protocol"].annotation.model_fields  # type: ignore[union-attr]
    named = {name for name, key in keys.items() if "component spec" in (key.description or "")}
    assert {slot.field for slot in spec.slots() if slot.held_equal} == named


@pytest.mark.parametrize("spec", [RunSpec, AnnotationSpec])
def test_a_slot_of_the_protocol_may_be_empty_where_the_protocol_has_a_word_for_it(
    spec: type[RunBase],
) -> None:
    for slot in spec.slots():
        if slot.held_equal:
            assert bool(slot.absent) == (not spec.model_fields[slot.field].is_required())


def test_both_tasks_know_what_their_protocols_may_tell_a_component() -> None:
    protocol = Protocol(embed_dim=8, word_dim=9, batch_size=10)
    assert make_spec(protocol=protocol).context == {"dim": 8, "word_dim": 9, "batch_size": 10}
    assert make_annotation_spec().context == {"dim": 100, "batch_size": 1024}


def test_a_component_is_told_what_its_kind_is_told() -> None:
    registry = load_plugins().registry
    spec = make_spec(text_encoder=component("bigru"), protocol=Protocol(embed_dim=8, word_dim=6))
    encoder = make(spec, "text_encoder", registry, vocabulary_size=20, in_dim=3)
    assert {tuple(p.shape) for p in encoder.parameters()} >= {(20, 6)}
    assert make(spec, "stop", registry) is None
    assert make(spec, "loss", registry) is not make(spec, "loss", registry)


def test_a_new_component_is_part_of_the_identity_where_there_is_one() -> None:
    without, one, other = (
        reviewed(),
        reviewed(reviewer=component("patience")),
        reviewed(reviewer=component("patience:epochs=5")),
    )
    assert without.run_id == make_spec().run_id
    assert len({without.run_id, one.run_id, other.run_id}) == 3
    assert one.identity()["reviewer"] == component("patience").identity()


def test_a_new_component_is_told_to_hooks_and_found_by_name() -> None:
    spec = reviewed(reviewer=component("patience"))
    assert info_of(spec, Path()).components["reviewer"] == "patience"
    assert "second" not in info_of(spec, Path()).components
    assert uses(spec, "patience")
    assert not uses(reviewed(second=component("patience")), "patience")


def test_a_new_component_is_made_before_anything_runs() -> None:
    registry = load_plugins().registry
    unable = ComponentRef(spec="patience:epochs=x", name="patience", params={"epochs": "x"})
    assert preflight.check_components([reviewed()], registry) == []
    with pytest.raises(ValueError, match="epochs"):
        preflight.check_components([reviewed(second=unable)], registry)


def test_rows_are_equal_in_what_the_protocol_names() -> None:
    assert "reviewer" not in conditions(_row(reviewed(reviewer=component("patience"))))
    assert conditions(_row(reviewed()))["second"] == "nobody"
    assert conditions(_row(reviewed()))["stop"] == NEVER
    second = component("patience", version="2")
    assert conditions(_row(reviewed(second=second)))["second"] == "patience (version 2)"


def _row(spec: Reviewed) -> Run:
    return Run(make_record(spec))
