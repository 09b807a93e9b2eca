"""Values tuned for single rows: where they go, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite, make_suite, suite_text
from vsebench.plugin import SpecError
from vsebench.results.run_base import Tuning
from vsebench.results.spec import AnnotationSpec, read_spec

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.grid.plan import Plan

TAGS = "tags:images=60:labels=30:density=0.1"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))


def entry(sampler: str, loss: str = "hinge", **values: float) -> dict[str, Any]:
    return {"sampler": sampler, "loss": loss, "set": values}


def make(tuned: list[dict[str, Any]], **values: Any) -> Plan:
    return plan(
        make_suite({"dataset": TAGS, "sampler": "uniform,dns:n=4", "tuned": tuned, **values})
    )


def test_every_row_gets_its_own_values_and_the_rest_is_common() -> None:
    tuned = make(
        [entry("dns:n=4", lr=0.2), entry("uniform", lr=0.01)], set={"l2_label": 0.5}, seeds="0,1"
    ).runs
    assert [
        (run.combination[0], run.protocol.lr, run.protocol.l2_label)
        for run in tuned
        if isinstance(run, AnnotationSpec)
    ] == [  # type: ignore[union-attr]
        ("uniform", 0.01, 0.5),
        ("uniform", 0.01, 0.5),
        ("dns:n=4", 0.2, 0.5),
        ("dns:n=4", 0.2, 0.5),
    ]
    assert {run.tuned for run in tuned if isinstance(run, AnnotationSpec)} == {("lr",)}
    assert tuned[2].protocol_changes == {"lr": 0.2, "l2_label": 0.5}


def test_a_run_that_is_not_tuned_keeps_its_id_and_a_tuned_one_has_its_own() -> None:
    plain = make([]).runs
    tuned = make([entry("dns:n=4", lr=0.01), entry("uniform", lr=0.01)]).runs
    assert "tuned" not in plain[0].identity()
    assert {run.run_id for run in plain}.isdisjoint(run.run_id for run in tuned)


def test_an_entry_may_be_of_one_data_set(tmp_path: Path) -> None:
    other = "tags:images=50:labels=30:density=0.1"
    file = tmp_path / "suite.toml"
    file.write_text(
        f'dataset = ["{TAGS}", "{other}"]\nsampler = "uniform"\n'
        + "".join(
            f'[[tuned]]\ndataset = "{d}"\nsampler = "uniform"\nloss = "hinge"\nset = {{lr = {lr}, '
            f"l2_image = 0}}\n"
            for d, lr in ((other, 0.3), (TAGS, 0.1))
        )
    )
    runs = plan(load_suite(file)).runs
    assert [(run.dataset.spec, run.protocol.lr) for run in runs] == [(TAGS, 0.1), (other, 0.3)]


@pytest.mark.parametrize(
    ("tuned", "values", "message"),
    [
        (
            [entry("uniform", lr=0.1)],
            {},
            "tuned: tags.* × dns:n=4 × hinge has no entry",
        ),
        (
            [entry("uniform", lr=0.1), entry("dns:n=4", l2_label=0.1)],
            {},
            "tuned: dns:n=4 × hinge sets l2_label, uniform × hinge lr",
        ),
        (
            [entry("uniform", lr=0.1), entry("dns", lr=0.1)],
            {},
            "tuned: dns × hinge is no row of this suite",
        ),
        (
            [entry("uniform", lr=0.1), entry("uniform", lr=0.2), entry("dns:n=4", lr=0.1)],
            {},
            "tuned: tags.* × uniform × hinge has two entries: keep one",
        ),
        (
            [entry("uniform", epochs=3.0)],
            {},
            "tuned: protocol key 'epochs' is held equal between rows",
        ),
        (
            [entry("uniform", lr=0.1)],
            {"set": {"lr": 0.5}},
            "'lr' is tuned for each row and set for all",
        ),
        ([entry("unifrm", lr=0.1)], {}, "unknown sampler 'unifrm': did you mean 'uniform'"),
        ([entry("uniform", lr=-1.0), entry("dns:n=4", lr=1.0)], {}, "lr"),
        (
            [{"sampler": "uniform", "loss": "hinge"}],
            {},
            "suite: tuned: an entry needs loss and set",
        ),
        ([entry("uniform")], {}, "suite: tuned: an entry needs loss and set"),
        (
            [{"samplr": "uniform"}],
            {},
            "suite: tuned: an entry has no key 'samplr': did you mean 'sampler'",
        ),
        (
            ["uniform"],
            {},
            "suite: tuned: an entry is a table with loss and set, got 'uniform'",
        ),
        (
            [entry("uniform", lr="fast")],
            {},
            "suite: tuned: protocol key 'lr' must be a number, got 'fast'",
        ),  # type: ignore[arg-type]
        (
            [entry("uniform", lr=0.1)],
            {"dataset": "scenes", "sampler": None},
            "tuned: uniform × hinge is no row of this suite",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tuned: list[dict[str, Any]], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        make(tuned, **values)
    assert "\n" not in str(caught.value)


SCENES = {"dataset": "scenes:images=60", "pooling": "mean,gpo/mean", "loss": "triplet"}


def retrieval(tuned: list[dict[str, Any]], **values: Any) -> Plan:
    return plan(make_suite({**SCENES, "tuned": tuned, **values}))


def of_pooling(pooling: str, **values: float) -> dict[str, Any]:
    return {"pooling": pooling, "loss": "triplet", "set": values}


def test_rows_of_the_retrieval_task_get_their_own_values_too() -> None:
    runs = retrieval([of_pooling("gpo/mean", lr=0.01), of_pooling("mean", lr=0.02)]).runs
    assert [(run.combination[0], run.protocol.lr) for run in runs] == [  # type: ignore[union-attr]
        ("mean", 0.02),
        ("gpo/mean", 0.01),
    ]
    assert [run.tuned_keys for run in runs] == [("lr",)] * 2
    plain = retrieval([], pooling="mean", set={"lr": 0.02}).runs[0]
    assert plain.run_id != runs[0].run_id
    assert "tuned" not in plain.model_dump()
    assert runs[0].model_dump()["tuned"] == ("lr",)
    assert read_spec(runs[0].model_dump_json()) == runs[0]


def test_an_axis_that_an_entry_leaves_out_stands_for_every_component_of_it() -> None:
    entries = [{"loss": "triplet", "similarity": "dot", "set": {"warmup_epochs": 2}}]
    assert [run.protocol.warmup_epochs for run in retrieval(entries).runs] == [2, 2]  # type: ignore[union-attr]


def test_a_first_round_trains_with_the_values_of_the_row_that_needs_it() -> None:
    planned = retrieval(
        [{"loss": "aoq", "set": {"lr": 0.01}}, {"loss": "triplet", "set": {"lr": 0.02}}],
        pooling="mean",
        loss="triplet,aoq",
    )
    assert [(run.loss.spec, run.protocol.lr) for run in planned.runs] == [
        ("triplet", 0.02),
        ("triplet", 0.01),
        ("aoq", 0.01),
    ]
    assert planned.support == {planned.runs[1].run_id}


def test_studies_have_values_and_seeds_of_their_own() -> None:
    found = {"configurations": 16, "seconds": 12.5, "tuned_at_edge": ["lr"]}
    entries = [
        {**of_pooling("mean", lr=0.01), "study": 1, "tuning": found},
        {**of_pooling("mean", lr=0.03), "tuning": {**found, "tuned_at_edge": []}},
    ]
    runs = retrieval(entries, pooling="mean", seeds="2-4").runs
    assert [(run.protocol.lr, run.seed) for run in runs] == [  # type: ignore[union-attr]
        (0.03, 2),
        (0.03, 3),
        (0.03, 4),
        (0.01, 5),
        (0.01, 6),
        (0.01, 7),
    ]
    assert runs[-1].tuning == Tuning(
        study=1, configurations=16, seconds=12.5, tuned_at_edge=("lr",)
    )
    assert read_spec(runs[-1].model_dump_json()).tuning == runs[-1].tuning
    bare = retrieval([{**e, "tuning": None} for e in entries], pooling="mean", seeds="2-4").runs
    assert [run.run_id for run in bare] == [run.run_id for run in runs]
    assert "tuning" not in bare[0].model_dump()


def test_a_row_without_an_entry_of_some_study_is_named() -> None:
    entries = [of_pooling("mean", lr=0.1), {**of_pooling("mean", lr=0.2), "study": 2}]
    with pytest.raises(SpecError, match=r"scenes.* × mean × triplet has no entry of study 1"):
        retrieval(entries, pooling="mean")
    twice = [*entries, {**of_pooling("mean", lr=0.3), "study": 2}]
    with pytest.raises(SpecError, match="has two entries of study 2: keep one"):
        retrieval(twice, pooling="mean")


def test_a_tuned_suite_reads_back_as_it_was_written(tmp_path: Path) -> None:
    entries = [
        {
            **of_pooling("mean", lr=0.1),
            "tuning": {"configurations": 16, "seconds": 1.5, "tuned_at_edge": ["lr"]},
        }
    ]
    suite = make_suite({**SCENES, "pooling": "mean", "tuned": entries})
    (tmp_path / "suite.toml").write_text(suite_text(suite), encoding="utf-8")
    assert load_suite(tmp_path / "suite.toml") == suite
