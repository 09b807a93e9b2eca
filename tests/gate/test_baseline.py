from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.factories import component, make_spec
from tests.gate.test_fingerprint import MACHINE, TRACE
from vsebench.gate.baseline import (
    Baseline,
    Reference,
    conditions_of,
    read_baseline,
    write_baseline,
)
from vsebench.gate.fingerprint import Fingerprint, Trace
from vsebench.gate.gate import Gate
from vsebench.grid.plan import Plan
from vsebench.plugin.errors import DataError, MissingError, SpecError

OTHER = MACHINE.model_copy(update={"cpu": "another"})


def plan(*runs):
    return Plan(runs, component("local"), 1, Path("runs"))


def fingerprint(machine=MACHINE, trace=TRACE):
    return Fingerprint(machine=machine, rows={"gpo,triplet": trace})


def baseline(*fingerprints, planned=None):
    return Baseline(
        conditions=conditions_of(planned or plan(make_spec("gpo"))),
        fingerprints=fingerprints or (fingerprint(),),
        reference={"gpo,triplet": Reference(values={0: 250.0, 1: 252.0, 2: 254.0})},
    )


def test_a_file_holds_all_of_it(tmp_path):
    held = baseline().model_copy(update={"margin": 2.5})
    write_baseline(tmp_path / "gate.json", held)
    found = read_baseline(tmp_path / "gate.json")
    assert found == held
    assert found.with_fingerprint(fingerprint(OTHER)).margin == 2.5
    assert found.reference["gpo,triplet"].mean == 252
    assert found.reference["gpo,triplet"].deviation == 2


def test_a_fingerprint_is_of_one_machine():
    held = baseline(fingerprint(), fingerprint(OTHER))
    assert held.on(OTHER) == held.fingerprints[1]
    assert held.on(OTHER.model_copy(update={"kernels": "torch"})) is None


def test_fingerprints_that_pass_are_added_and_stale_ones_leave():
    third = fingerprint(MACHINE.model_copy(update={"cpu": "a third"}))
    held = baseline(fingerprint(), fingerprint(OTHER))
    assert held.with_fingerprint(third).fingerprints == (*held.fingerprints, third)
    assert held.with_fingerprint(fingerprint()).fingerprints == (fingerprint(OTHER), fingerprint())
    changed = fingerprint(trace=Trace(steps="a b x y", test="u"))
    assert held.with_fingerprint(changed).fingerprints == (changed,)


def test_versions_and_seeds_may_differ():
    baseline().check(plan(make_spec("gpo", seed=7, version="2")), Path("gate.json"))
    baseline().check(plan(make_spec("gpo"), make_spec("mean")), Path("gate.json"))


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([make_spec("mean")], "it has no row 'gpo,triplet'"),
        ([make_spec("gpo", dataset="coco")], "dataset is coco now and was scenes"),
        ([make_spec("gpo", data_fingerprint="0000")], "data is 0000 now and was scenes-5b1c2a90"),
        (
            [make_spec("gpo", protocol=make_spec().protocol.model_copy(update={"lr": 0.1}))],
            "protocol key lr is 0.1 now and was at its default",
        ),
    ],
)
def test_another_suite_is_refused(runs, said):
    with pytest.raises(SpecError) as refused:
        baseline().check(plan(*runs), Path("gate.json"))
    assert said in str(refused.value)
    assert str(refused.value).startswith("gate.json is of another suite: ")


def test_a_row_that_is_tuned_otherwise_is_refused():
    tuned = make_spec("gpo", tuned=("lr",))
    with pytest.raises(SpecError, match=r"'gpo,triplet' is tuned otherwise"):
        baseline(planned=plan(tuned)).check(plan(tuned), Path("gate.json"))


def test_several_data_sets_are_refused():
    with pytest.raises(SpecError, match="one data set, found scenes, coco"):
        conditions_of(plan(make_spec(), make_spec(dataset="coco")))


def test_files_that_are_none(tmp_path):
    with pytest.raises(MissingError, match="there is no baseline"):
        read_baseline(tmp_path / "absent.json")
    for text in ("{", "[]", json.dumps({"schema_version": 2}), "\xff"):
        (tmp_path / "bad.json").write_text(text, encoding="latin-1")
        with pytest.raises(DataError, match=r"bad\.json"):
            read_baseline(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({0: 250.0}, "values that do not differ"),
        ({0: 250.0, 1: 250.0}, "values that do not differ"),
        ({0: 250.0, 1: float("nan")}, "finite number"),
        ({-1: 250.0, 1: 251.0}, "greater than or equal to 0"),
    ],
)
def test_a_reference_that_cannot_be_judged_by_is_refused(tmp_path, values, said):
    path = tmp_path / "gate.json"
    write_baseline(path, baseline())
    content = json.loads(path.read_text())
    content["reference"]["gpo,triplet"]["values"] = values
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said):
        read_baseline(path)


@pytest.mark.parametrize(
    ("held", "told", "looked_for"), [(2.5, None, 2.5), (2.5, 4.0, 4.0), (None, None, 3.0)]
)
def test_the_margin_is_that_of_the_baseline_unless_told(monkeypatch, held, told, looked_for):
    planned, asked = plan(make_spec("gpo")), []
    monkeypatch.setattr(Gate, "planned", lambda self, seeds: planned)
    monkeypatch.setattr("vsebench.gate.gate.take", lambda *_: fingerprint(OTHER))
    monkeypatch.setattr("vsebench.gate.gate.not_covered", lambda *_: [])
    monkeypatch.setattr(
        "vsebench.gate.gate.look", lambda *given: (None, asked.append(given[-1]) or [])
    )
    gate = Gate(None, Path("runs"), None, lambda text: None)
    gate.against(baseline().model_copy(update={"margin": held}), Path("gate.json"), told)
    assert asked == [looked_for]
