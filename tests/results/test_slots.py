"""What is true of a run's components follows from their slots, and a new one is one field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args, get_type_hints

import pytest

from tests.factories import component, make_annotation_spec, make_record, make_spec
from vsebench.grid import preflight
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import KINDS
from vsebench.report.matching import uses
from vsebench.report.runs import Run
from vsebench.report.sections import conditions
from vsebench.results.components import make
from vsebench.results.observers import info_of
from vsebench.results.protocol import NEVER, Protocol
from vsebench.results.slots import ComponentSlot
from vsebench.results.spec import AnnotationSpec, ComponentRef, RunSpec

if TYPE_CHECKING:
    from vsebench.results.spec import RunBase


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
