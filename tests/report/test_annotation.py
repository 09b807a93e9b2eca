"""Rows and tables of the annotation task."""

from __future__ import annotations

import json

import pytest

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec, save
from vsebench.plugin.errors import SpecError
from vsebench.report.comparison.verdicts import compare
from vsebench.report.results import load_results
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section, parse_row
from vsebench.results.tasks import task_named

COST = {
    "train_seconds": 20.0,
    "sampling_seconds": 8.0,
    "refresh_seconds": 2.0,
    "update_seconds": 10.0,
    "samples_seen": 4000,
    "tower_forwards": 0,
}


def metrics(value: float) -> dict[str, float]:
    return {
        "p_at_5": value / 2,
        "p_at_10": value / 3,
        "r_at_5": value,
        "r_at_10": value,
        "map": value,
        "auc": 0.7,
    }


def run(
    sampler: str, seed: int = 0, *, dev: tuple[float, ...] = (0.1, 0.2), test: float = 0.2
) -> Run:
    spec = make_annotation_spec(sampler, seed=seed)
    curve = [
        e.model_copy(
            update={"metrics": metrics(value), "diagnostics": {"violation_rate": 0.5 + 0.1 * i}}
        )
        for i, (e, value) in enumerate(zip(make_curve(dev), dev, strict=True))
    ]
    return Run(
        make_record(spec, test=metrics(test), best_dev=metrics(max(dev)), cost=COST), tuple(curve)
    )


def test_rows_have_the_keys_of_their_task_and_are_timed_by_map():
    block = make_block(
        Section((run("uniform"), run("uniform", 1, test=0.3), run("warp", dev=(0.19, 0.21))))
    )
    uniform, warp = (entry.row for entry in block.entries)
    assert list(uniform) == list(task_named("annotation").row_keys)
    assert (uniform["task"], uniform["sampler"], uniform["pooling"], uniform["loss"]) == (
        "annotation",
        "uniform",
        None,
        "hinge",
    )
    assert uniform["map"] == pytest.approx(0.25)
    assert block.target.quality == pytest.approx(0.95 * 0.2)
    assert (uniform["steps_to_target"], warp["steps_to_target"]) == (20, 10)
    assert (
        uniform["updates_per_second"],
        uniform["draws_per_second"],
        uniform["refresh_seconds"],
    ) == (200, 500, 2)
    assert uniform["violation_rate"] == pytest.approx(0.55)
    assert uniform["false_negative_rate"] is None


def test_the_table_of_a_folder_with_both_tasks(tmp_path):
    for each in (run("uniform"), run("warp", dev=(0.01, 0.02))):
        save(tmp_path, each.record, each.curve)
    save(tmp_path, make_record(make_spec("gpo")), make_curve([100, 200]))
    results = load_results(tmp_path)
    text = results.table()
    assert "mirflickr · test" in text
    assert "scenes · test" in text
    assert "AUC: share of (positive, negative) pairs" in text
    assert "i2t: images retrieve captions" in text
    assert {row["task"] for row in results.rows} == {"annotation", "retrieval"}
    frame = results.frame()
    assert frame.set_index("dataset").loc["scenes", "map"] is not None
    assert json.loads(results.table("json"))["rows"][0]["task"] in ("annotation", "retrieval")
    board = results.leaderboard()
    assert (board["rank"].isna() == (board["no_evidence"] != "")).all()


def test_comparisons_are_of_map():
    (found,) = compare(
        Section(
            tuple(
                run(sampler, seed, test=value)
                for sampler, value in (("uniform", 0.2), ("warp", 0.26))
                for seed in range(3)
            )
        ),
        ("uniform", "hinge"),
    )
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(0.06)


def test_a_row_that_there_is_not_is_asked_for_as_its_task_writes_rows() -> None:
    sections = [Section((run("uniform"),))]
    with pytest.raises(SpecError, match=r"--baseline 'foo' .*SAMPLER,LOSS"):
        parse_row("foo", sections)
