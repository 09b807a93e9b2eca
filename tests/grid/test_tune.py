"""The search: the same points for every row, remade from its seed, and a suite that runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from vsebench.cli.app import main
from vsebench.grid.execute import execute
from vsebench.grid.plan import plan
from vsebench.grid.space import Axis, draw_points, parse_space
from vsebench.grid.suite import Suite, load_suite, make_suite, suite_text
from vsebench.grid.tune import Trial, best_trials, plan_search
from vsebench.plugin import SpecError, VsebenchError
from vsebench.results.record import RunRecord
from vsebench.results.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.grid.plan import Plan

SPACE = "lr=0.001..0.1,l2_image+l2_label=0|0.001"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))


def small(**values: Any) -> Suite:
    protocol = {"embed_dim": 4, "epochs": 1, "round_size": 5, **values.pop("set", {})}
    return make_suite(
        {
            "dataset": "tags:images=60:labels=30:density=0.1",
            "sampler": "uniform,dns",
            "set": protocol,
            **values,
        }
    )


def test_a_space_is_ranges_and_choices_and_keys_may_share_a_value() -> None:
    assert parse_space(SPACE) == (
        Axis(("lr",), low=0.001, high=0.1),
        Axis(("l2_image", "l2_label"), choices=(0.0, 0.001)),
    )


def test_points_are_those_of_the_seed_within_the_space_and_more_trials_go_on() -> None:
    axes = parse_space(SPACE)
    points = draw_points(axes, 40, 0)
    assert points[:5] == draw_points(axes, 5, 0) != draw_points(axes, 5, 1)
    assert all(
        0.001 <= p["lr"] <= 0.1 and p["l2_image"] == p["l2_label"] in (0, 0.001) for p in points
    )
    below = sum(p["lr"] < 0.01 for p in points)
    assert 10 <= below <= 30  # log-uniform: half of them
    assert len({tuple(p.items()) for p in points}) == 40


def test_a_space_of_choices_is_searched_to_the_end_and_no_further() -> None:
    axes = parse_space("lr=0.1|0.2,l2_image=0|1|2")
    assert len({tuple(p.values()) for p in draw_points(axes, 6, 3)}) == 6
    with pytest.raises(SpecError, match="--trials 7: the space has only 6 points"):
        draw_points(axes, 7, 3)
    with pytest.raises(SpecError, match=r"--trials 2: the space has only 1 point$"):
        draw_points(parse_space("lr=0.1"), 2, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", r"--space takes KEY=LOW..HIGH or KEY=A\|B\|C, comma-separated; got 'lr'"),
        ("epochs=1|2", "protocol key 'epochs' is held equal between rows"),
        ("lr=1|2,lr=3", "--space names 'lr' twice"),
        ("lr+lr=1", "--space names 'lr' twice"),
        ("lr=0..1", "lr=0..1 must rise from above 0"),
        ("lr=1..0.1", "must rise"),
        ("lr=fast", "lr takes numbers from 0, got 'fast'"),
        ("lr=0.1|0.1", r"--space: lr=0\.1\|0\.1 names a value twice: keep one"),
        ("lr=nan", "lr takes numbers from 0, got 'nan'"),
    ],
)
def test_a_space_that_does_not_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_space(text)


def test_every_row_is_tried_at_every_point_with_every_seed(tmp_path: Path) -> None:
    points = draw_points(parse_space(SPACE), 3, 0)
    runs = plan_search(small(), points, [7, 8], tmp_path).plan.runs
    tried = [(run.combination[0], run.protocol.lr, run.seed) for run in runs]  # type: ignore[union-attr]
    assert sorted(tried) == sorted(
        (sampler, p["lr"], seed)
        for sampler in ("uniform", "dns")
        for p in points
        for seed in (7, 8)
    )


@pytest.mark.parametrize(
    ("values", "seeds", "message"),
    [
        ({"seeds": "0-5"}, [3], "seed 3 is the suite's own: tune with others, such as --seeds 6"),
        ({"set": {"lr": 0.1}}, [9], "protocol key 'lr' is set by the suite"),
        (
            {"tuned": [{"sampler": "uniform", "loss": "hinge", "set": {"lr": 1}}]},
            [9],
            "the suite is tuned already",
        ),
    ],
)
def test_a_search_that_would_not_be_fair_is_refused(
    values: dict[str, Any], seeds: list[int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        plan_search(small(**values), [{"lr": 0.1}], seeds, tmp_path)


def trial(sampler: str, lr: float, score: float | None) -> Trial:
    return Trial("tags", sampler, "hinge", {"lr": lr}, score, ("id",))


def test_the_best_of_each_row_is_chosen_and_failures_are_never() -> None:
    trials = [
        trial("uniform", 1, None),
        trial("dns", 1, 0.5),
        trial("uniform", 2, 0.1),
        trial("dns", 2, 0.5),
        trial("uniform", 3, 0.3),
        trial("dns", 3, 0.2),
    ]
    assert [(t.sampler, t.point["lr"]) for t in best_trials(trials)] == [("uniform", 3), ("dns", 1)]
    with pytest.raises(VsebenchError, match="every trial of tags × dns × hinge diverged"):
        best_trials([trial("uniform", 1, 0.5), trial("dns", 1, None)])


def test_a_suite_reads_back_as_it_was_written(tmp_path: Path) -> None:
    suite = small(
        seeds="0-2",
        plugin="a.py",
        epochs=None,
        tuned=[
            {
                "dataset": "tags",
                "sampler": 'un"i',
                "loss": "hinge",
                "set": {"lr": 1e-05, "l2_image": 0},
            }
        ],
    )
    (tmp_path / "suite.toml").write_text(suite_text(suite, "how it was made"), encoding="utf-8")
    assert load_suite(tmp_path / "suite.toml") == suite


def run_here(plan: Plan, reporter: object = None) -> None:
    """Every run in this process."""
    for run in plan.runs:
        execute(run.model_dump_json(), Store(plan.out).directory_for(run).path)


def test_the_command_leaves_a_suite_that_runs_and_its_trials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsebench.grid.tune.run_plan", run_here)
    (tmp_path / "suite.toml").write_text(suite_text(small(seeds="0,1")))
    command = [
        "tune",
        str(tmp_path / "suite.toml"),
        "--space",
        "lr=0.05|1e30",
        "--trials",
        "2",
        "--out",
        str(tmp_path / "tuned"),
        "--workers",
        "1",
        "--quiet",
    ]
    for _ in range(2):  # the second time all is there
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 0
    chosen = (tmp_path / "tuned" / "suite.toml").read_text()
    for option, value, before in (
        ("--space", "lr=0.05|0.5", "lr=0.05|1e30"),
        ("--seeds", "7", "1000"),
        ("--search-seed", "1", "0"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*command, option, value])
        assert ended.value.code == 2
        assert (
            f"suite.toml was tuned with {option} '{before}' and would be replaced by a search "
            f"with '{value}'" in capsys.readouterr().err
        )
        assert (tmp_path / "tuned" / "suite.toml").read_text() == chosen
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    rows = list(csv.DictReader((tmp_path / "tuned" / "trials.csv").read_text().splitlines()))
    assert [(row["sampler"], float(row["lr"]) > 1) for row in rows if row["dev_map"] == ""] == [
        ("uniform", True),
        ("dns", True),
    ]
    assert all(
        Store(tmp_path / "tuned" / "trials").find(run_id)
        for row in rows
        for run_id in row["run_ids"].split()
    )
    planned = plan(load_suite(tmp_path / "tuned" / "suite.toml")).runs
    assert [(run.protocol.lr, run.seed) for run in planned] == [(0.05, 0), (0.05, 1)] * 2
    assert "next: vsebench run" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([*command[:1], str(tmp_path / "tuned" / "suite.toml"), *command[2:]])
    assert ended.value.code == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_a_trial_that_fails_but_did_not_diverge_is_named_and_nothing_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, memory that ran out or a bug says nothing of the point: the command ends with 1,
    and repeated does the rest.
    """

    def all_but_one(plan: Plan, reporter: object = None) -> None:
        run_here(replace(plan, runs=plan.runs[1:]))
        record = RunRecord(
            run_id=plan.runs[0].run_id,
            status="failed",
            spec=plan.runs[0],
            error="Traceback\nMemoryError: too much",
        )
        Store(plan.out).directory_for(plan.runs[0]).write_spec(plan.runs[0])
        Store(plan.out).directory_for(plan.runs[0]).write_record(record)

    (tmp_path / "suite.toml").write_text(suite_text(small()))
    command = [
        "tune",
        str(tmp_path / "suite.toml"),
        "--space",
        "lr=0.05|1e30",
        "--trials",
        "2",
        "--out",
        str(tmp_path / "tuned"),
        "--workers",
        "1",
        "--quiet",
    ]
    monkeypatch.setattr("vsebench.grid.tune.run_plan", all_but_one)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    failed, error = said.err.splitlines()
    assert "uniform · hinge · seed 1000: MemoryError: too much (" in failed
    assert error.startswith("vsebench: error: 1 of 4 trials failed, so that nothing was chosen")
    assert [path.name for path in (tmp_path / "tuned").iterdir()] == ["trials"]
    assert sum(directory.is_done for directory in Store(tmp_path / "tuned" / "trials").runs()) == 1
    monkeypatch.setattr("vsebench.grid.tune.run_plan", run_here)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    assert (tmp_path / "tuned" / "suite.toml").exists()
