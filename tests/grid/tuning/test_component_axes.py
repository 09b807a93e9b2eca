"""Parameters of components are searched where a row has the component, and stand in the suite, the
runs and the table under a name of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.tuning.surfaces import Trainer, scenes, tags
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite, make_suite
from vsebench.grid.tuning.race import search
from vsebench.grid.tuning.search import Options, plan_search
from vsebench.grid.tuning.written import CSV, SUITE, write
from vsebench.plugin import SpecError
from vsebench.report.results import load_results
from vsebench.results.spec import RunSpec, read_spec

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.grid.tuning.search import Search
    from vsebench.results.run_base import RunBase

SPACE = "lr=0.0005..0.05,triplet:margin=0.05..0.4,infonce:temperature=0.01..0.2,kmax:k=2..20"
LOSSES = {"pooling": "kmax,mean,kmax/mean", "loss": "triplet,infonce"}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def quality(run: RunBase) -> float:
    """Best at a margin of 0.1, a temperature of 0.05 and a k of 7."""
    assert isinstance(run, RunSpec)
    away = [math.log(run.protocol.lr / 0.005)]
    params = run.loss.params
    away += [math.log(float(params["margin"]) / 0.1)] if run.loss.name == "triplet" else []
    away += [math.log(float(params["temperature"]) / 0.05)] if run.loss.name == "infonce" else []
    away += [math.log(float(run.image_pooling.params.get("k", 7)) / 7)]
    return 300 * math.exp(-sum(x**2 for x in away)) * run.protocol.epochs / 10


def searched(space: str, tmp_path: Path, **values: Any) -> Search:
    return plan_search(scenes(**values), Options(space, configurations=8), tmp_path)


def test_a_row_searches_the_parameters_of_its_own_components(tmp_path: Path) -> None:
    wanted = searched(SPACE, tmp_path, **LOSSES)
    assert {(c.cell.pooling, c.cell.loss): tuple(c.points[0]) for c in wanted.contests} == {
        ("kmax", "triplet"): ("lr", "loss.margin", "pooling.k"),
        ("kmax", "infonce"): ("lr", "loss.temperature", "pooling.k"),
        ("mean", "triplet"): ("lr", "loss.margin"),
        ("mean", "infonce"): ("lr", "loss.temperature"),
        ("kmax/mean", "triplet"): ("lr", "loss.margin", "image_pooling.k"),
        ("kmax/mean", "infonce"): ("lr", "loss.temperature", "image_pooling.k"),
    }
    for trial in wanted.first():
        (run,) = trial.runs
        assert isinstance(run, RunSpec)
        point = trial.point
        assert run.protocol.lr == point["lr"]
        assert run.loss.params["margin" if run.loss.name == "triplet" else "temperature"] in (
            point.get("loss.margin"),
            point.get("loss.temperature"),
        )
        key = "pooling.k" if run.text_pooling.name == "kmax" else "image_pooling.k"
        if run.image_pooling.name == "kmax":
            assert run.image_pooling.params["k"] == point[key]
            assert isinstance(point[key], int)
            assert 2 <= run.image_pooling.params["k"] <= 20
        if run.text_pooling.name == "kmax":
            assert run.text_pooling == run.image_pooling


def test_what_is_chosen_is_written_run_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(quality)
    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", trainer)
    wanted = searched(SPACE, tmp_path, **LOSSES)
    trials, choices = search(wanted)
    write(wanted, trials, choices, tmp_path, "vsebench tune")
    head = (tmp_path / CSV).read_text().splitlines()[0]
    assert ",lr,loss.margin,pooling.k,loss.temperature,image_pooling.k," in head

    planned = plan(load_suite(tmp_path / SUITE))
    runs = {run.combination: run for run in planned.runs}
    assert set(runs) == {
        (pooling, loss)
        for pooling in ("kmax", "mean", "kmax/mean")
        for loss in ("triplet", "infonce")
    }
    for choice in choices:
        contest = choice.best.contest
        run = runs[str(contest.cell.pooling), contest.cell.loss]
        assert {key: run.tuned_value(key) for key in run.tuned_keys} == choice.best.point
        assert run.tuned_keys == tuple(sorted(choice.best.point))
        assert run.cell == contest.cell
        assert read_spec(run.model_dump_json()) == run
        own = choice.best.runs[0]
        assert (run.loss, run.protocol.lr) == (own.loss, own.protocol.lr)

    plain = plan(make_suite({**scenes(**LOSSES).model_dump(exclude_defaults=True)}))
    assert {run.run_id for run in plain.runs}.isdisjoint(run.run_id for run in planned.runs)
    for each in (plain, planned):
        Trainer(quality)(each)
    (block,) = load_results(planned.out).blocks
    tuned = {(e.row["pooling"], e.row["loss"]): e.tuned for e in block.entries}
    assert tuned["mean", "triplet"] == {
        "lr": plain.runs[0].protocol.lr,
        "loss.margin": 0.2,
    }
    for (pooling, loss), run in runs.items():
        entry = tuned[pooling, f"{loss} (tuned)"]
        assert entry == {key: run.tuned_value(key) for key in run.tuned_keys}
    text = " ".join(load_results(planned.out).table("md", width=200).split())
    assert "loss.margin" in text
    assert "triplet (tuned)" in text


def test_a_first_round_has_the_pooling_of_the_row_and_its_own_loss(tmp_path: Path) -> None:
    wanted = searched(
        "lr=0.001..0.01,aoq:margin=0.1..0.4,kmax:k=2..9", tmp_path, pooling="kmax", loss="aoq"
    )
    trial = wanted.first()[0]
    (first,) = trial.needed
    (run,) = trial.runs
    assert isinstance(first, RunSpec)
    assert isinstance(run, RunSpec)
    assert first.loss.spec == "triplet"
    assert first.image_pooling == run.image_pooling
    assert first.protocol.lr == run.protocol.lr
    assert run.loss.params["margin"] == trial.point["loss.margin"]
    entry = {"loss": "aoq", "set": {"loss.margin": 0.3, "pooling.k": 3}}
    suite = scenes(pooling="kmax", loss="aoq", tuned=[entry])
    one, two = plan(suite).runs
    assert isinstance(one, RunSpec)
    assert (one.loss.spec, one.tuned, one.image_pooling.params["k"]) == (
        "triplet",
        ("pooling.k",),
        3,
    )
    assert (two.combination, two.loss.spec) == (("kmax", "aoq"), "aoq:margin=0.3")


def test_parameters_of_encoders_are_a_rows_own_and_else_held_equal(tmp_path: Path) -> None:
    space = "lr=0.001..0.1,region:count_padding=true|false"
    trial = searched(space, tmp_path, pooling="mean").first()[0]
    (run,) = trial.runs
    assert isinstance(run, RunSpec)
    assert run.image_encoder.params["count_padding"] is trial.point["image_encoder.count_padding"]
    assert run.protocol.image_encoder == run.image_encoder.spec

    def entry(pooling: str, *, value: bool) -> dict[str, Any]:
        values = {"image_encoder": {"count_padding": value}}
        return {"pooling": pooling, "loss": "triplet", "set": values}

    suite = scenes(pooling="mean,max", tuned=[entry("mean", value=True), entry("max", value=False)])
    tuned, plain = plan(suite), plan(scenes(pooling="mean,max"))
    one, two = tuned.runs
    assert one.protocol_changes == two.protocol_changes == plain.runs[0].protocol_changes
    assert isinstance(one, RunSpec)
    assert one.image_encoder.spec == one.protocol.image_encoder == "region:count_padding=true"
    assert one.held_protocol() == two.held_protocol() == plain.runs[0].held_protocol()
    for each in (tuned, plain):
        Trainer(lambda _: 100.0)(each)
    (block,) = load_results(tuned.out).blocks
    assert [(e.row["pooling"], e.row["loss"], *e.tuned.values()) for e in block.entries] == [
        ("mean", "triplet", False),
        ("mean", "triplet (tuned)", True),
        ("max", "triplet", False),
        ("max", "triplet (tuned)", False),
    ]


def test_parameters_of_samplers_are_searched_on_annotation_data_sets(tmp_path: Path) -> None:
    suite = tags(sampler="uniform,vse-ens", loss="hinge")
    options = Options("lr=0.001..0.1,vse-ens:lam=0.0001..0.1,vse-ens:spread=std|variance")
    wanted = plan_search(suite, options, tmp_path)
    keys = {c.cell.sampler: tuple(c.points[0]) for c in wanted.contests}
    assert keys == {
        "uniform": ("lr",),
        "vse-ens": ("lr", "sampler.lam", "sampler.spread"),
    }
    spreads = {trial.point.get("sampler.spread") for trial in wanted.first()}
    assert spreads == {None, "std", "variance"}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            "lr=1|2,tripet:margin=0.1..0.4",
            "no row has a component 'tripet': did you mean 'triplet'",
        ),
        (
            "lr=1|2,triplet:margn=0.1|0.4",
            "'triplet' has no parameter 'margn': did you mean 'margin'",
        ),
        ("lr=1|2,mean:k=1|2", "pooling 'mean' has no parameter 'k'"),
        ("lr=1|2,triplet:margin=a|b", "parameter 'margin' must be a finite number, got 'a'"),
        ("lr=1|2,triplet:margin=-1..2", "parameter 'margin' must be at least 0, got -1"),
        ("lr=1|2,triplet:margin=0..2", "must rise from above 0"),
        ("lr=1|2,triplet:reduction=sum..mean", "'reduction' takes no range: write values"),
        ("lr=1|2,triplet:reduction=sum|max", "must be one of sum, mean; got 'max'"),
        ("lr=1|2,kmax:k=1.5|2", "parameter 'k' must be an integer, got '1.5'"),
        ("lr=1|2,kmax:k=1..9,kmax:k=1..9", "names 'kmax:k' twice"),
        ("triplet:margin=0.1..0.4", "names nothing that .* infonce has"),
        ("lr=1|2,siglip:scale=1..9", "no row has a component 'siglip'"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(
    space: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        searched(space, tmp_path, pooling="kmax,mean", loss="triplet,infonce")
    assert "\n" not in str(caught.value)


def test_a_parameter_that_the_spec_sets_is_not_searched(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="pooling 'kmax:k=3' sets k, which is tuned: leave it out"):
        searched("lr=0.1..1,kmax:k=2..9", tmp_path, pooling="kmax:k=3")


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            [{"lr": 0.1, "loss": {"margin": 0.3}}, {"lr": 0.1}],
            "sets nothing of loss 'triplet', .* margin",
        ),
        ([{"loss": {"margn": 0.3}}] * 2, "loss 'triplet' has no parameter 'margn'"),
        ([{"loss": {"margin": "wide"}}] * 2, "'margin' must be a finite number, got 'wide'"),
        ([{"loss": {"margin": [1]}}] * 2, "parameter 'loss.margin' must be a value, got"),
        ([{"los": {"margin": 0.3}}] * 2, "'los.margin' is no parameter .*: did you mean 'loss'"),
        ([{"warmup_loss": {"margin": 0.3}}] * 2, "'warmup_loss.margin' is no parameter"),
        ([{"sampler": {"lam": 0.3}}] * 2, "the row has no sampler to tune"),
        ([{"text_encoder": {"x": 1}}] * 2, "text-encoder 'bigru' has no parameter 'x'"),
        (
            [{"image_encoder": {"count_padding": True}}, {"lr": 1}],
            "tune the same keys for all rows",
        ),
    ],
)
def test_entries_that_do_not_fit_their_rows_are_refused(
    sets: list[dict[str, Any]], message: str
) -> None:
    entries = [
        {"pooling": pooling, "loss": "triplet", "set": values}
        for pooling, values in zip(("mean", "kmax"), sets, strict=True)
    ]
    with pytest.raises(SpecError, match=message) as caught:
        plan(scenes(pooling="mean,kmax", tuned=entries))
    assert "\n" not in str(caught.value)


def test_sides_of_two_components_are_tuned_by_their_own_names() -> None:
    entry = {"pooling": "kmax/gem", "loss": "triplet", "set": {"pooling": {"k": 3}}}
    with pytest.raises(SpecError, match=r"write image_pooling\.k or text_pooling\.k"):
        plan(scenes(pooling="kmax/gem", tuned=[entry]))
    entry["set"] = {"image_pooling": {"k": 3}, "text_pooling": {"p": 4}}
    (run,) = plan(scenes(pooling="kmax/gem", tuned=[entry])).runs
    assert isinstance(run, RunSpec)
    assert run.pooling == "kmax:k=3/gem:p=4.0"
    assert run.combination == ("kmax/gem", "triplet")
