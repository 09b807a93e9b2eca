"""The search: which trials are planned, which go on, and what is left when it is interrupted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from tests.grid.tuning.surfaces import EVALUATIONS, Trainer, scenes, tags
from tests.oracles.halving import halving
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite
from vsebench.grid.tuning.race import TrialsError, search
from vsebench.grid.tuning.search import Options, plan_search
from vsebench.grid.tuning.space import near_duplicates
from vsebench.grid.tuning.written import warnings, write
from vsebench.plugin import SpecError, VsebenchError
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.grid.tuning.surfaces import Surface
    from vsebench.grid.suite import Suite
    from vsebench.grid.tuning.race import Choice
    from vsebench.grid.tuning.search import Search, Trial
    from vsebench.results.run_base import RunBase

    MakeTrainer = Callable[[Surface], Trainer]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> MakeTrainer:
    def make(surface: Surface) -> Trainer:
        made = Trainer(surface)
        monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", made)
        return made

    return make


def peak(best: float = 0.004, height: float = 300.0) -> Surface:
    """Quality falls with the distance of the rate from the best, and rises with the length."""

    def quality(run: RunBase) -> float:
        away = math.log(run.protocol.lr / best)  # type: ignore[attr-defined]
        return height * math.exp(-(away**2)) * run.protocol.epochs / 10

    return quality


def of(found: list[Trial], pooling: str, rung: int) -> list[Trial]:
    return [t for t in found if t.contest.cell.pooling == pooling and t.rung == rung]


def test_rungs_train_complete_schedules_of_a_ninth_a_third_and_all(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    wanted = plan_search(scenes(), Options(), tmp_path)
    trained = trainer(peak())
    trials, choices = search(wanted)
    protocols = [[t.runs[0].protocol for t in of(trials, "mean", rung)] for rung in range(3)]
    assert [len(each) for each in protocols] == [16, 6, 2]
    assert [{p.epochs for p in each} for each in protocols] == [{2}, {3}, {9}]
    warmup = wanted.rows.by_id[wanted.plan.runs[0].run_id].protocol.warmup_epochs  # type: ignore[attr-defined]
    assert [each[0].warmup_epochs for each in protocols] == [warmup * 2 / 9, warmup / 3, warmup]  # type: ignore[attr-defined]
    assert {p.lr_decay_at for each in protocols for p in each} == {0.6}  # type: ignore[attr-defined]
    assert len(trained.trained) == len({run.run_id for run in trained.trained}) == 2 * (16 + 6 + 2)
    assert [choice.best.contest.cell.pooling for choice in choices] == ["mean", "max"]
    assert [choice.seconds for choice in choices] == [16 * 2 + 6 * 3 + 2 * 9] * 2


def test_which_go_on_is_what_the_oracle_says(tmp_path: Path, trainer: MakeTrainer) -> None:
    """On a rugged surface, where short schedules mislead and a fifth of the points diverge."""

    def rugged(run: RunBase) -> float | None:
        point = (round(run.protocol.lr * 1e9), run.protocol.epochs, run.cell.pooling)  # type: ignore[attr-defined]
        digits = crc32(repr(point).encode()) % 1000
        return None if digits < 200 else digits // 100 / 10

    wanted = plan_search(scenes(), Options(configurations=20), tmp_path)
    trainer(rugged)
    trials, choices = search(wanted)
    for contest, choice in zip(wanted.contests, choices, strict=True):

        def quality(point: int, share: float, contest: Any = contest) -> float | None:
            return rugged(wanted.rows.trial(contest.cell, contest.points[point], share, 1000)[-1])

        trained, chosen = halving(20, [rung.share for rung in wanted.rungs], quality)
        mine = [t for t in trials if t.contest is contest]
        assert [[t.place for t in mine if t.rung == rung] for rung in range(3)] == trained
        assert choice.best.place == chosen


def test_each_row_data_set_and_study_has_points_of_its_own(tmp_path: Path) -> None:
    suite = scenes(dataset="scenes:images=60,scenes:images=70")
    contests = plan_search(suite, Options(studies=2), tmp_path).contests
    assert len(contests) == 8
    points = [tuple(point["lr"] for point in contest.points) for contest in contests]
    assert len(set(points)) == 8
    assert [contest.seeds for contest in contests] == [(1000,)] * 4 + [(1001,)] * 4
    again = plan_search(suite, Options(studies=2), tmp_path).contests
    assert [contest.points for contest in again] == [contest.points for contest in contests]
    other = plan_search(suite, Options(studies=2, search_seed=1), tmp_path).contests
    assert not {c.points[0]["lr"] for c in other} & {c.points[0]["lr"] for c in contests}


def test_settings_of_one_component_share_points_and_first_rounds_are_made_once(
    tmp_path: Path,
) -> None:
    suite = scenes(pooling="kmax:k=2,kmax:k=3,mean", loss="triplet,triplet:margin=0.1")
    points = {
        (c.cell.pooling, c.cell.loss): c.points
        for c in plan_search(suite, Options(), tmp_path).contests
    }
    assert points["kmax:k=2", "triplet"] == points["kmax:k=3", "triplet:margin=0.1"]
    assert points["kmax:k=2", "triplet"] != points["mean", "triplet"]
    wanted = plan_search(scenes(pooling="mean", loss="triplet,aoq"), Options(), tmp_path)
    runs = wanted.plan_of(wanted.first()).runs
    assert len(runs) == 2 * 16, "16 of each loss: those of triplet are the first rounds of aoq"
    assert {run.loss.spec for run in runs} == {"triplet", "aoq"}
    alone = plan_search(scenes(pooling="mean", loss="aoq"), Options(), tmp_path)
    planned = alone.plan_of(alone.first())
    assert {run.run_id for run in planned.runs} == {run.run_id for run in runs}
    assert len(planned.support) == 16


def test_a_schedule_too_short_to_be_cut_has_fewer_rungs(tmp_path: Path) -> None:
    def of_epochs(epochs: int) -> list[tuple[float, int]]:
        found = plan_search(scenes(epochs=epochs), Options(), tmp_path).rungs
        return [(round(rung.share, 3), rung.trials) for rung in found]

    assert of_epochs(9) == [(0.111, 16), (0.333, 6), (1, 2)]
    assert of_epochs(6) == [(0.333, 16), (1, 2)], "a ninth would be two epochs as well"
    assert of_epochs(2) == of_epochs(1) == [(1, 16)]
    whole = plan_search(scenes(), Options(rungs=1), tmp_path)
    assert [(rung.share, rung.trials) for rung in whole.rungs] == [(1, 16)]


def test_an_epoch_of_updates_is_cut_within(tmp_path: Path) -> None:
    wanted = plan_search(tags(), Options(space="lr=0.01..1"), tmp_path)
    assert [rung.trials for rung in wanted.rungs] == [16, 6, 2]
    sizes = [
        wanted.trials(rung, {wanted.contests[0]: [0]})[0].runs[0].protocol.round_size  # type: ignore[attr-defined]
        for rung in range(3)
    ]
    assert sizes == [10, 30, 90]


def test_trials_are_the_runs_of_their_values_and_no_rows(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    wanted = plan_search(scenes(pooling="mean"), Options(), tmp_path)
    trainer(peak())
    _, (choice,) = search(wanted)
    rate = choice.best.point["lr"]
    (plain,) = plan(scenes(pooling="mean", seeds="1000", set={"lr": rate})).runs
    assert choice.best.runs[0].run_id == plain.run_id
    with pytest.raises(VsebenchError, match="no row, but 24 runs that serve others"):
        load_results(tmp_path / "trials")


def test_an_interrupted_search_repeats_no_trial(tmp_path: Path, trainer: MakeTrainer) -> None:
    whole = trainer(peak())
    _, expected = search(plan_search(scenes(), Options(), tmp_path / "whole"))

    def some_diverge(run: RunBase) -> float | None:
        return None if run.protocol.lr > 0.03 else peak()(run)  # type: ignore[attr-defined]

    trained = trainer(some_diverge)
    choices: list[Choice] = []
    for stop in (5, 20, 33, 40, None):
        trained.stop_after = stop
        wanted = plan_search(scenes(), Options(), tmp_path / "stopped")
        try:
            _, choices = search(wanted)
        except KeyboardInterrupt:
            assert stop == len(trained.trained)
    assert len({run.run_id for run in trained.trained}) == len(trained.trained)
    assert len(trained.trained) == len(whole.trained), "those that diverged are not tried again"
    assert [c.best.point for c in choices] == [c.best.point for c in expected]


def test_a_trial_that_fails_but_did_not_diverge_is_named_and_nothing_is_chosen(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    wanted = plan_search(scenes(), Options(), tmp_path)
    trained = trainer(peak())
    bad = wanted.first()[3].runs[0]
    trained.errors[bad.run_id] = "MemoryError: too much"
    with pytest.raises(TrialsError, match="1 of 32 trials failed, so that nothing was") as caught:
        search(wanted)
    (reason,) = caught.value.reasons
    lr = f"lr={bad.protocol.lr:g}"  # type: ignore[attr-defined]
    assert f"mean · triplet · seed 1000 · {lr}: MemoryError: too much (" in reason
    del trained.errors[bad.run_id]
    before = len(trained.trained)
    search(wanted)
    assert len(trained.trained) - before == 1 + 2 * (6 + 2)


def test_a_row_whose_every_trial_diverged_is_named(tmp_path: Path, trainer: MakeTrainer) -> None:
    trainer(lambda run: None if run.cell.pooling == "max" else 1.0)
    with pytest.raises(VsebenchError, match=r"every trial of scenes.* × max × triplet diverged"):
        search(plan_search(scenes(), Options(), tmp_path))


def test_a_trial_whose_first_round_diverged_has_diverged(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    def surface(run: RunBase) -> float | None:
        return None if run.protocol.lr > 0.01 else peak()(run)  # type: ignore[attr-defined]

    wanted = plan_search(scenes(pooling="mean", loss="aoq"), Options(), tmp_path)
    trained = trainer(surface)
    trials, (choice,) = search(wanted)
    lost = [t for t in trials if t.result.quality is None]
    assert {t.point["lr"] > 0.01 for t in lost} == {True}
    assert choice.best.point["lr"] == pytest.approx(0.004, rel=0.3)
    whole = [t for t in trials if t.result.quality is not None]
    rounds = sum(2 * t.runs[0].protocol.epochs for t in whole)
    assert choice.seconds == rounds, "a trial's price holds its first round's"
    before = len(trained.trained)
    search(wanted)
    assert len(trained.trained) == before


def test_of_equal_trials_the_earlier_is_chosen(tmp_path: Path, trainer: MakeTrainer) -> None:
    trainer(lambda run: 1.0)
    trials, choices = search(plan_search(scenes(), Options(), tmp_path))
    assert [choice.best.place for choice in choices] == [0, 0]
    assert [t.place for t in of(trials, "mean", 1)] == [0, 1, 2, 3, 4, 5]


def test_several_seeds_are_judged_together(tmp_path: Path, trainer: MakeTrainer) -> None:
    """A point is as good as the mean of its seeds, and diverges when one of them does."""

    def surface(run: RunBase) -> float | None:
        rate = run.protocol.lr  # type: ignore[attr-defined]
        if run.seed == 8 and rate > 0.02:
            return None
        return rate if run.seed == 7 else 0.0

    wanted = plan_search(scenes(pooling="mean"), Options(seeds=(7, 8), rungs=1), tmp_path)
    trainer(surface)
    trials, (choice,) = search(wanted)
    rates = [t.point["lr"] for t in trials if t.point["lr"] <= 0.02]
    assert choice.best.point["lr"] == max(rates)
    assert choice.best.result.quality == pytest.approx(max(rates) / 2)
    assert sum(t.result.quality is None for t in trials) == 16 - len(rates)


def test_by_time_the_soonest_at_the_target_is_chosen(tmp_path: Path, trainer: MakeTrainer) -> None:
    """Quality rises in equal steps to what the surface says, so that the best arrives first."""
    options = Options(select="time", target=200.0, rungs=1)
    wanted = plan_search(scenes(), options, tmp_path / "far")
    trainer(peak(height=250))
    trials, choices = search(wanted)
    for choice in choices:
        mine = [t for t in trials if t.contest is choice.best.contest]
        arrived = {t.place: t.result.arrival for t in mine if t.result.arrival is not None}
        assert arrived
        assert choice.best.place == min(arrived, key=lambda place: arrived[place])
        quality = choice.best.result.quality
        assert quality is not None
        assert choice.best.result.arrival == pytest.approx(9 * EVALUATIONS * 200 / quality)
    assert not list(warnings(wanted, choices))
    trainer(peak(height=100))
    missed = plan_search(scenes(), options, tmp_path / "missed")
    assert "no trial reached 200, so that quality chose lr=" in next(
        iter(warnings(missed, search(missed)[1]))
    )


def test_a_best_at_the_end_of_a_range_is_warned_of_and_kept(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    trainer(peak(best=0.04))
    wanted = plan_search(scenes(), Options(), tmp_path)
    trials, choices = search(wanted)
    assert [choice.tuned_at_edge for choice in choices] == [("lr",)] * 2
    first, _ = warnings(wanted, choices)
    assert first.startswith(
        "scenes:images=60 × mean × triplet: the best lies at an end of what was"
    )
    assert "of 0.0004..0.04): widen the space there" in first
    write(wanted, trials, choices, tmp_path, "vsebench tune")
    runs = plan(load_suite(tmp_path / "suite.toml")).runs
    assert [run.tuning and run.tuning.tuned_at_edge for run in runs] == [("lr",)] * 2
    assert [run.tuning and run.tuning.seconds for run in runs] == [68.0] * 2


def test_near_duplicates_are_warned_of(tmp_path: Path) -> None:
    """So many points on one axis have a pair that is near somewhere."""
    wanted = plan_search(scenes(), Options(configurations=64), tmp_path)
    pairs = [near_duplicates(c.points, c.axes) for c in wanted.contests]
    assert 0 < sum(map(len, pairs)) == len(wanted.warnings)
    assert "triplet: two points are near-duplicates, lr=0." in wanted.warnings[0]
    assert not plan_search(scenes(), Options(), tmp_path).warnings


def test_studies_choose_for_themselves_and_each_choice_is_run(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    suite = scenes(pooling="mean", seeds="0-1")
    wanted = plan_search(suite, Options(studies=3), tmp_path)
    trainer(peak())
    trials, choices = search(wanted)
    write(wanted, trials, choices, tmp_path, "vsebench tune")
    runs = plan(load_suite(tmp_path / "suite.toml")).runs
    rates = [choice.best.point["lr"] for choice in choices]
    assert len(set(rates)) == 3
    assert [(run.protocol.lr, run.seed) for run in runs] == [  # type: ignore[attr-defined]
        (rate, 2 * study + seed) for study, rate in enumerate(rates) for seed in (0, 1)
    ]
    assert [run.tuning and run.tuning.study for run in runs] == [0, 0, 1, 1, 2, 2]


def test_what_is_searched_replaces_what_the_suite_sets(
    tmp_path: Path, trainer: MakeTrainer
) -> None:
    suite = scenes(pooling="mean", set={"lr": 0.002, "embed_dim": 32})
    wanted = plan_search(suite, Options(), tmp_path)
    assert wanted.options.space == "lr=0.0002..0.02", "around the suite's own"
    trainer(peak())
    trials, choices = search(wanted)
    write(wanted, trials, choices, tmp_path, "vsebench tune")
    (run,) = plan(load_suite(tmp_path / "suite.toml")).runs
    assert run.protocol_changes == {"embed_dim": 32, "epochs": 9, "lr": choices[0].best.point["lr"]}


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (
            {"seeds": "0-5"},
            {"seeds": (3,)},
            "seed 3 is the suite's own",
        ),
        ({"seeds": "0-5"}, {"seeds": (13,), "studies": 3}, "seed 13 is the suite's own"),
        (
            {"tuned": [{"loss": "triplet", "set": {"lr": 1}}]},
            {},
            "the suite is tuned already",
        ),
        ({}, {"space": "epochs=1..3"}, "protocol key 'epochs' is held equal between rows"),
        ({}, {"space": "lr=-1|1"}, "lr takes numbers from 0, got '-1'"),
        ({}, {"space": "lr=0|1|2|3|4|5|6|7"}, "lr"),
    ],
)
def test_a_search_that_would_not_be_fair_is_refused(
    values: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    wanted = Options(**{"configurations": 8, **options})
    with pytest.raises(SpecError, match=message):
        plan_search(scenes(**values), wanted, tmp_path).first()
    assert not list(tmp_path.glob("trials"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"configurations": 7}, "--configurations 7: "),
        ({"select": "time"}, "--select time and --target belong together"),
        ({"target": 1.0}, "--select time and --target belong together"),
        ({"select": "time", "target": float("nan")}, "a dev quality above 0, got nan"),
    ],
)
def test_a_search_that_says_too_little_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Options(**options)


def test_the_suite_that_is_written_is_read_back(tmp_path: Path, trainer: MakeTrainer) -> None:
    def written(suite: Suite) -> tuple[Search, Suite]:
        wanted = plan_search(suite, Options(), tmp_path)
        trials, choices = search(wanted)
        write(wanted, trials, choices, tmp_path, "vsebench tune --out 'a b'")
        return wanted, load_suite(tmp_path / "suite.toml")

    labels = tags(sampler="uniform,vse-ens:lam=0.1", loss="hinge,logistic")
    for suite, height in ((scenes(), 300.0), (labels, 0.3)):
        trainer(peak(height=height))
        wanted, found = written(suite)
        assert found.model_copy(update={"tuned": ()}) == wanted.suite
        assert [entry.tuning is not None for entry in found.tuned] == [True] * len(wanted.contests)
        assert len(plan(found).runs) == len(wanted.contests)
    text = (tmp_path / "suite.toml").read_text().splitlines()[0]
    assert text == "# Tuned with 16 points a row: vsebench tune --out 'a b'"
    assert Store(tmp_path / "trials").noted().support
