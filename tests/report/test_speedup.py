"""Speed tables: who arrives when, and what stands where nobody does."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from matplotlib.figure import Figure

from tests.factories import make_annotation_spec, make_curve, make_record, save
from vsebench.cli.app import main
from vsebench.plugin import VsebenchError
from vsebench.report.convergence import Arrival, arrive, arrive_own, mean_arrival
from vsebench.report.curves import frame, mean_curve, plot
from vsebench.report.runs import Run
from vsebench.report.sections import Section
from vsebench.report.speedup import SpeedTable, speed_table
from vsebench.report.speedup_text import as_dicts, notes, render

COST = {
    "train_seconds": 20.0,
    "sampling_seconds": 8.0,
    "refresh_seconds": 2.0,
    "update_seconds": 10.0,
    "evaluation_seconds": 1.0,
    "samples_seen": 4000,
}


def run(
    sampler: str, seed: int, dev: tuple[float, ...], *, seconds: float = 2.0, **changes: Any
) -> Run:
    """Evaluated every 10 updates with these MAPs."""
    spec = make_annotation_spec(sampler, seed=seed)
    curve = [
        e.model_copy(update={"metrics": {"map": value}})
        for e, value in zip(make_curve(dev, seconds=seconds), dev, strict=True)
    ]
    return Run(make_record(spec, test={"map": max(dev)}, cost=COST, **changes), tuple(curve))


SLOW, FAST, NEVER = (0.02, 0.05, 0.09, 0.1), (0.05, 0.1, 0.1, 0.1), (0.01, 0.02, 0.03, 0.04)


def table(**rows: tuple[float, ...]) -> SpeedTable:
    return speed_table(
        Section(
            tuple(
                run(sampler.replace("_", "-"), seed, dev)
                for sampler, dev in rows.items()
                for seed in range(6)
            )
        )
    )


def test_a_run_arrives_at_its_first_evaluation_there_or_is_known_only_by_its_end():
    one = run("uniform", 0, SLOW)
    assert arrive(one, 0.09) == Arrival(30, 6.0, after=(20, 4.0))
    assert arrive(one, 0.02) == Arrival(10, 2.0)
    assert arrive(one, 0.2) == Arrival(40, 8.0, reached=False)
    assert arrive_own(one) == Arrival(40, 8.0, after=(30, 6.0))
    assert arrive(one, 0.02).at_once  # type: ignore[union-attr]
    assert not arrive(one, 0.09).at_once  # type: ignore[union-attr]
    assert arrive(Run(one.record), 0.1) is None


def test_a_mean_counts_those_that_never_arrived_with_all_their_time():
    mean = mean_arrival([Arrival(10, 1), Arrival(40, 8, reached=False)])
    assert mean is not None
    assert (mean.updates, mean.seconds, mean.arrived, mean.runs) == (25, 4.5, 1, 2)
    assert mean_arrival([]) is None


def test_rows_are_timed_against_the_baseline_in_both_units():
    base, fast = table(uniform=SLOW, vse_ens=FAST).rows
    ratio = fast.target.faster["updates"]
    assert ratio is not None
    assert (ratio.low, ratio.interval, ratio.pairs) == (
        pytest.approx(2),
        pytest.approx((1.5, 4)),
        6,
    )
    assert base.target.faster["seconds"].low == pytest.approx(1)  # type: ignore[union-attr]
    assert fast.parts == {"sampling": 8, "refresh": 2, "update": 10, "evaluation": 1}


def test_a_row_that_never_arrives_stands_as_a_bound():
    _, never = table(uniform=SLOW, dns=NEVER).rows
    assert never.target.mean is not None
    assert never.target.mean.arrived == 0
    ratio = never.target.faster["updates"]
    assert ratio is not None
    assert (ratio.low, ratio.high) == (0, pytest.approx(1))
    assert ratio.known == 0
    text = render(table(uniform=SLOW, dns=NEVER))
    assert "> 40 (0 of 6)" in text
    assert "< 1 (m) [0, 1]" in text


def test_a_baseline_that_does_not_arrive_in_some_seeds_bounds_from_above():
    """Its mean best sets the target, so that its weaker seeds may miss it."""
    runs = [
        run("uniform", seed, SLOW if seed < 4 else (0.02, 0.05, 0.06, 0.07)) for seed in range(6)
    ] + [run("warp", seed, FAST) for seed in range(6)]
    _, warp = speed_table(Section(tuple(runs))).rows
    ratio = warp.target.faster["updates"]
    assert ratio is not None
    assert (ratio.pairs, ratio.known, ratio.statistic) == (6, 4, "median")
    assert ratio.interval is not None
    assert ratio.interval[1] == math.inf


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
    assert warp.target.faster["updates"].pairs == 1  # type: ignore[union-attr]
    assert any("failed runs are in no figure: warp × hinge (1)" in note for note in notes(found))


def test_a_section_without_a_finished_baseline_has_no_target():
    found = speed_table(
        Section((run("uniform", 0, SLOW, status="failed", error="x"), run("warp", 0, FAST))),
        ("uniform", "hinge"),
    )
    assert found.target.quality is None
    assert all(row.target.faster["updates"] is None for row in found.rows)
    assert "Target: none" in render(found)


def test_arrivals_by_the_first_evaluation_are_warned_of():
    assert any(
        "vse-ens × hinge arrived by their first evaluation" in note
        for note in notes(table(uniform=SLOW, vse_ens=(0.1,) * 4))
    )
    assert not any(
        "arrived by their first" in note for note in notes(table(uniform=SLOW, vse_ens=FAST))
    )


def test_the_json_has_no_infinities():
    rows = as_dicts(table(uniform=(0.02, 0.05, 0.09, 0.1), dns=NEVER))
    text = json.dumps(rows, allow_nan=False)
    assert json.loads(text)[1]["faster_updates_to_target_high"] == pytest.approx(1)
    assert rows[1]["faster_updates_to_target_low"] == 0
    assert rows[0]["baseline"] == "uniform,hinge"


def test_rows_that_had_not_converged_are_marked_and_explained():
    found = table(uniform=SLOW, vse_ens=FAST)
    text = render(found)
    assert text.count("hinge ↑") == 3  # once a table
    assert len(re.findall(r"^uniform +hinge ↑", text, re.MULTILINE)) == 3
    assert "↑ Still rising: dev MAP gained more than 1 %" in text
    assert "uniform × hinge (10.0 %)." in " ".join(text.split())
    assert [row["no_evidence"] for row in as_dicts(found)] == [["still rising"], []]
    sound = table(uniform=FAST, vse_ens=FAST)
    assert "↑" not in render(sound)


def test_curves_are_means_at_the_steps_that_all_have():
    curve = mean_curve(
        [run("uniform", 0, (0.1, 0.2, 0.3)), run("uniform", 1, (0.3, 0.4), seconds=4.0)]
    )
    assert curve.steps == [10, 20]
    assert curve.seconds == [3, 6]
    assert curve.quality == pytest.approx([0.2, 0.3])
    assert curve.low[0] < 0.2 < curve.high[0]
    assert mean_curve([]).steps == []


@pytest.mark.parametrize("form", ["png", "svg"])
def test_a_figure_is_drawn(tmp_path, form: str):
    tables = [table(uniform=SLOW, dns=NEVER, vse_ens=FAST)]
    plot(tables, tmp_path / f"curves.{form}")
    content = (tmp_path / f"curves.{form}").read_bytes()
    assert content.startswith(b"\x89PNG" if form == "png" else b"<?xml")


@pytest.mark.parametrize(
    ("over", "slowest", "scale"),
    [("seconds", 99.0, "linear"), ("seconds", 101.0, "log"), ("updates", 101.0, "linear")],
)
def test_seconds_far_apart_are_on_a_logarithmic_scale(over: str, slowest: float, scale: str):
    panel = Figure().subplots()
    for end in (10.0, slowest):
        panel.plot([1.0, end], [0.1, 0.2])
    panel.plot([], [])
    frame(panel, over, target=0.15)
    assert panel.get_xscale() == scale


def test_a_figure_of_no_known_format_or_place_is_refused(tmp_path):
    with pytest.raises(VsebenchError, match=r"end its name in \.png, \.svg, \.pdf"):
        plot([table(uniform=SLOW)], tmp_path / "curves.doc")
    with pytest.raises(VsebenchError, match=r"cannot write .*: there is no folder"):
        plot([table(uniform=SLOW)], tmp_path / "nowhere" / "curves.svg")


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
    assert "0.5 [0.25, 0.667]" in text
    assert (tmp_path / "curves.svg").exists()
    with pytest.raises(SystemExit) as ended:
        main(["speedup", str(tmp_path), "--baseline", "unifrm,hinge"])
    assert ended.value.code == 2
    assert "did you mean 'uniform,hinge'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["speedup", str(tmp_path), "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
