"""Speed tables: how good rows are meanwhile, who arrives when, what stands where nobody does."""
# mypy: disable-error-code="union-attr"

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import PchipInterpolator

from tests.factories import save
from tests.report.timed import FAST, NEVER, SLOW, run, table
from vsebench.cli.app import main
from vsebench.report.figures.curves import (
    share_arrived,
)
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.speed.learning_curve import LearningCurve, learning_curve
from vsebench.report.speed.speedup import LEVELS, OVER, speed_table
from vsebench.report.speed.text import as_dicts, notes, render
from vsebench.results.run_base import Tuning


def at(dev: tuple[float, ...], quality: float) -> float:
    """The step at which a curve reaches a quality, by walking along it."""
    steps = np.linspace(0, 10 * len(dev), 400_001)
    curve = PchipInterpolator(10.0 * np.arange(len(dev) + 1), [0.0, *dev])
    return float(steps[(curve(steps) >= quality).argmax()])


def test_rows_are_timed_against_the_baseline_in_both_units():
    base, fast = table(uniform=SLOW, vse_ens=FAST).rows
    times = at(SLOW, 0.095) / at(FAST, 0.095)
    assert 30 < at(SLOW, 0.095) < 40
    assert 10 < at(FAST, 0.095) < 20
    for over in OVER:
        ratio = fast.sooner[over][0.95]
        assert ratio is not None
        assert ratio[:6] == pytest.approx((times, times, times, 6, 6, 6), rel=1e-4)
    assert base.sooner["seconds"][0.95].times == 1  # type: ignore[union-attr]
    assert fast.parts == {"sampling": 8, "refresh": 2, "update": 10, "evaluation": 1}


def test_a_row_is_timed_at_several_shares_because_curves_cross():
    early = (0.08, 0.082, 0.085, 0.1)
    _, row = table(uniform=(0.02, 0.06, 0.099, 0.1), vse_ens=early).rows
    found = [row.sooner["updates"][share] for share in LEVELS]
    assert [each.times > 1 for each in found if each is not None] == [True, False, False, False]


def test_areas_are_mean_qualities_while_the_baseline_trains():
    base, fast = table(uniform=SLOW, vse_ens=FAST).rows
    slow = (0.01 + 0.035 + 0.07 + 0.095) / 4
    quick = (0.025 + 0.075 + 0.1 + 0.1) / 4
    for over in OVER:
        assert base.area[over].mean == pytest.approx(slow)
        assert base.area[over].difference is None
        assert fast.area[over].mean == pytest.approx(quick)
        assert fast.area[over].difference.mean == pytest.approx(quick - slow)


def test_what_a_method_needs_first_is_in_its_seconds_and_not_in_its_updates():
    runs = [run("uniform", seed, FAST) for seed in range(2)]
    late = [run("warp", seed, FAST) for seed in range(2)]
    cost = late[0].record.cost.model_copy(update={"prior_seconds": 8.0})
    late = [Run(one.record.model_copy(update={"cost": cost}), one.curve) for one in late]
    _, row = speed_table(Section((*runs, *late))).rows
    x = at(FAST, 0.095) / 5  # seconds
    assert row.sooner["updates"][0.95].times == pytest.approx(1)
    assert row.sooner["seconds"][0.95].times == pytest.approx(x / (x + 8), rel=1e-4)
    assert row.area["seconds"].mean == pytest.approx(0.0)  # the baseline is done by then


def test_cpu_seconds_are_read_where_every_run_has_them():
    def timed(one: Run, wall: float) -> Run:
        cost = one.record.cost.model_copy(
            update={"train_cpu_seconds": 8.0, "mining_cpu_seconds": 0.0, "prior_cpu_seconds": 0.0}
        )
        curve = tuple(
            e.model_copy(update={"seconds": wall * e.seconds, "cpu_seconds": e.seconds})
            for e in one.curve
        )
        return Run(one.record.model_copy(update={"cost": cost}), curve)

    runs = [timed(run("uniform", 0, SLOW), 1.0), timed(run("warp", 0, SLOW), 7.0)]
    found = speed_table(Section(tuple(runs)))
    assert found.cpu
    assert found.rows[1].sooner["seconds"][0.95].times == pytest.approx(1)
    assert "area, CPU s" in render(found)
    found = speed_table(Section((run("uniform", 0, SLOW), runs[1])))
    assert not found.cpu
    assert found.rows[1].sooner["seconds"][0.95].times == pytest.approx(1 / 7)


def test_a_row_that_never_arrives_counts_with_all_its_time():
    _, never = table(uniform=SLOW, dns=NEVER).rows
    ratio = never.sooner["updates"][0.95]
    assert (ratio.arrived, ratio.base_arrived) == (0, 6)
    assert ratio.times == pytest.approx(at(SLOW, 0.095) / 40, rel=1e-4)
    assert "never" in render(table(uniform=SLOW, dns=NEVER))


def test_some_runs_that_never_arrive_are_counted_and_said():
    runs = [run("uniform", seed, SLOW) for seed in range(4)]
    runs += [run("warp", seed, SLOW if seed < 3 else NEVER) for seed in range(4)]
    found = speed_table(Section(tuple(runs)))
    ratio = found.rows[1].sooner["updates"][0.95]
    logs = [0.0] * 3 + [math.log(at(SLOW, 0.095) / 40)]
    assert (ratio.arrived, ratio.pairs) == (3, 4)
    assert ratio.times == pytest.approx(math.exp(sum(logs) / 4), rel=1e-4)
    expected = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (ratio.low, ratio.high) == pytest.approx(tuple(map(math.exp, expected)), rel=1e-3)
    text = render(found)
    assert "(3 of 4)" in text
    assert "(n of m): only n of m runs arrived" in text


def test_a_cheap_row_that_never_arrives_is_not_sooner_than_one_that_does():
    runs = [run("uniform", seed, SLOW, seconds=20.0) for seed in range(3)]
    runs += [run("dns", seed, NEVER, seconds=0.1) for seed in range(3)]
    _, row = speed_table(Section(tuple(runs))).rows
    assert row.sooner["seconds"][0.95].times == 1
    assert row.sooner["seconds"][0.95].arrived == 0


def test_rows_of_several_studies_have_intervals_over_studies():
    """A study's runs share the luck of one search: their mean counts as a seed does."""
    speeds = [[4.0, 5.0], [8.0, 9.0], [5.0, 6.0]]

    def tuned(sampler: str, seed: int, seconds: float) -> Run:
        one = run(sampler, seed, SLOW, seconds=seconds)
        spec = one.record.spec.model_copy(update={"tuning": Tuning(study=seed // 2)})
        return Run(one.record.model_copy(update={"spec": spec}), one.curve)

    runs = [tuned("uniform", seed, 6.0) for seed in range(6)]
    runs += [tuned("warp", seed, speeds[seed // 2][seed % 2]) for seed in range(6)]
    _, row = speed_table(Section(tuple(runs))).rows
    logs = np.log(6.0 / np.array(speeds)).mean(axis=1)
    found = row.sooner["seconds"][0.95]
    ends = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert math.log(found.times) == pytest.approx(logs.mean())
    assert (found.low, found.high) == pytest.approx(tuple(map(math.exp, ends)))
    areas = {
        seed: one.area(24.0) - learning_curve(runs[seed], "seconds").area(24.0)
        for seed, one in enumerate(learning_curve(each, "seconds") for each in runs[6:])
    }
    means = [(areas[2 * study] + areas[2 * study + 1]) / 2 for study in range(3)]
    ends = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert row.area["seconds"].difference[1:] == pytest.approx(tuple(ends))


def test_a_target_that_was_fixed_beforehand_is_the_only_one():
    found = speed_table(table(uniform=SLOW, vse_ens=FAST).section, quality=0.05)
    assert found.shares == (1.0,)
    assert found.rows[1].sooner["updates"][1.0].times == pytest.approx(2)
    assert "Target: dev MAP 0.0500, as asked." in render(found)


def test_only_common_seeds_are_paired_and_failed_runs_are_named():
    failed = run("warp", 1, FAST, status="failed", error="diverged")
    found = speed_table(
        Section(
            (
                run("uniform", 0, SLOW),
                run("uniform", 1, SLOW),
                run("warp", 0, FAST),
                failed,
                run("warp", 7, FAST),
            )
        )
    )
    warp = found.rows[1]
    assert (warp.seeds, warp.failed) == (2, 1)
    assert warp.sooner["updates"][0.95].pairs == 1
    assert warp.sooner["updates"][0.95].low is None
    assert any("failed runs are in no figure: warp × hinge (1)" in note for note in notes(found))


def test_a_section_without_a_finished_baseline_has_no_target():
    found = speed_table(
        Section((run("uniform", 0, SLOW, status="failed", error="x"), run("warp", 0, FAST))),
        ("uniform", "hinge"),
    )
    assert found.target.quality is None
    assert all(row.sooner["updates"][0.95] is None for row in found.rows)
    assert all(row.area["updates"] is None for row in found.rows)
    assert "Target: none" in render(found)


def test_a_baseline_that_learned_nothing_sets_no_target():
    found = table(uniform=(0.0, 0.0), warp=FAST[:2])
    assert all(row.sooner["updates"][0.95] is None for row in found.rows)


def test_evaluations_too_far_apart_are_marked():
    coarse = table(uniform=SLOW, vse_ens=FAST)
    assert coarse.rows[1].sooner["updates"][0.95].coarse
    assert "~: evaluations lie further apart" in render(coarse)
    curves = [
        tuple(0.1 * (1 - math.exp(-(k + 1) / (20 + seed))) for k in range(100))
        for seed in (0, 9, 3, 7)
    ]
    other = [
        tuple(0.1 * (1 - math.exp(-(k + 1) / (9 + seed))) for k in range(100))
        for seed in (6, 0, 9, 1)
    ]
    runs = [run("uniform", seed, dev) for seed, dev in enumerate(curves)]
    runs += [run("warp", seed, dev) for seed, dev in enumerate(other)]
    assert not speed_table(Section(tuple(runs))).rows[1].sooner["updates"][0.95].coarse


def test_arrivals_right_after_a_cut_of_the_rate_are_warned_of():
    def cut(one: Run) -> Run:
        rates = (1e-3, 1e-3, 1e-3, 1e-4)
        return Run(
            one.record,
            tuple(e.model_copy(update={"lr": lr}) for e, lr in zip(one.curve, rates, strict=True)),
        )

    runs = [cut(run(sampler, seed, SLOW)) for sampler in ("uniform", "warp") for seed in range(3)]
    found = speed_table(Section(tuple(runs)))
    assert [(row.after_cut, row.arrived) for row in found.rows] == [(3, 3), (3, 3)]
    assert "arrivals time the schedule" in " ".join(render(found).split())
    assert "arrivals time the schedule" not in " ".join(render(table(uniform=SLOW)).split())


def test_own_bests_are_compared_only_between_rows_that_have_converged():
    _, row = table(uniform=FAST, vse_ens=(0.05, 0.05, 0.05, 0.05)).rows
    slow, fast = at(FAST, 0.095), at((0.05,) * 4, 0.0475)
    assert row.own["updates"].times == pytest.approx(slow / fast, rel=1e-4)
    _, row = table(uniform=FAST, vse_ens=SLOW).rows
    assert row.own == {"updates": None, "seconds": None}
    assert row.no_evidence


def test_the_share_that_has_arrived_is_kaplan_and_meiers():
    def curve(end: int, arrives: int | None) -> LearningCurve:
        quality = [float(arrives is not None and step >= arrives) for step in range(end + 1)]
        return LearningCurve(np.arange(end + 1.0), np.array(quality))

    curves = [curve(9, 2), curve(5, None), curve(9, 7), curve(9, None)]
    times, arrived = share_arrived(curves, 1.0)
    # One of four at 2; the second leaves at 5 unseen; one of the two that are left at 7
    assert dict(zip(times, arrived, strict=True))[2.0] == pytest.approx(0.25)
    assert dict(zip(times, arrived, strict=True))[7.0] == pytest.approx(1 - 0.75 * 0.5)
    assert share_arrived([curve(5, None)], 1.0) == ([0.0, 5.0], [0.0, 0.0])
    assert share_arrived([], 1.0) == ([], [])


def test_the_json_has_no_infinities():
    rows = as_dicts(table(uniform=(0.02, 0.05, 0.09, 0.1), dns=NEVER))
    text = json.dumps(rows, allow_nan=False)
    expected = pytest.approx(at(SLOW, 0.095) / 40, rel=1e-4)
    assert json.loads(text)[1]["sooner_updates_0.95_times"] == expected
    assert rows[1]["sooner_updates_0.95_arrived"] == 0
    assert rows[0]["baseline"] == "uniform,hinge"


def test_rows_that_had_not_converged_are_marked_and_explained():
    found = table(uniform=SLOW, vse_ens=FAST)
    text = render(found)
    assert text.count("hinge ↑") == 4  # once a table
    assert len(re.findall(r"^uniform +hinge ↑", text, re.MULTILINE)) == 4
    assert "↑ Still rising: dev MAP gained more than 1 %" in text
    assert "uniform × hinge (10.0 %)." in " ".join(text.split())
    assert [row["no_evidence"] for row in as_dicts(found)] == [["still rising"], []]
    sound = table(uniform=FAST, vse_ens=FAST)
    assert "↑" not in render(sound)


@pytest.mark.parametrize("form", ["table", "md"])
def test_of_a_run_that_was_made_twice_the_first_counts_where_that_is_asked_for(
    tmp_path, capsys, form: str
):
    for sampler, dev in (("uniform", SLOW), ("vse-ens", FAST)):
        one = run(sampler, 0, dev)
        save(tmp_path / "one", one.record, one.curve)
    again = run("vse-ens", 0, SLOW)
    test = {"map": 0.07}
    save(tmp_path / "two", again.record.model_copy(update={"test": test}), again.curve)

    def said(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["speedup", *arguments])
        printed = capsys.readouterr()
        return ended.value.code, " ".join((printed.out + printed.err).split())

    both = (str(tmp_path / "one"), str(tmp_path / "two"))
    code, error = said(*both)
    assert code == 2
    assert "pass --allow-mixed to take the first and say so" in error
    _, alone = said(both[0], "--format", form)
    code, text = said(*both, "--allow-mixed", "--format", form)
    assert code == 0
    table, _, note = text.partition(" Made twice: ")
    assert table.removesuffix(" -") == alone
    assert re.search(r"vse-ens .* -0\.03 to the run in .*one, which counts", note)


def test_the_command_writes_tables_for_each_baseline(tmp_path, capsys):
    for sampler, dev in (("uniform", SLOW), ("vse-ens", FAST)):
        for seed in range(2):
            one = run(sampler, seed, dev)
            save(tmp_path, one.record, one.curve)
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "speedup",
                str(tmp_path),
                "--baseline",
                "uniform,hinge",
                "--baseline",
                "vse-ens,hinge",
                "--plot",
                str(tmp_path / "curves.svg"),
            ]
        )
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "baseline uniform × hinge" in text
    assert "baseline vse-ens × hinge" in text
    times = at(SLOW, 0.095) / at(FAST, 0.095)
    assert f"{times:.3g} [{times:.3g}, {times:.3g}]" in text
    assert (tmp_path / "curves.svg").read_bytes().startswith(b"<?xml")
    with pytest.raises(SystemExit) as ended:
        main(["speedup", str(tmp_path), "--plot", str(tmp_path / "curves.doc")])
    assert ended.value.code == 2
    assert "end its name in .png, .svg, .pdf" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["speedup", str(tmp_path), "--plot", str(tmp_path / "nowhere" / "curves.svg")])
    assert ended.value.code == 2
    assert "there is no folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["speedup", str(tmp_path), "--baseline", "unifrm,hinge"])
    assert ended.value.code == 2
    assert "did you mean 'uniform,hinge'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["speedup", str(tmp_path), "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
