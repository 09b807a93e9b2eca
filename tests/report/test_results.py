from __future__ import annotations

import pandas as pd
import pytest

import vsebench
from tests.factories import QUICK, make_provenance, make_record, make_spec, save
from vsebench.plugin.errors import VsebenchError
from vsebench.report.results import load_results, results_of
from vsebench.results.folder.store import Store
from vsebench.results.tasks import task_named


def test_rows_of_the_main_job(folder):
    results = load_results(str(folder))
    assert [(r["pooling"], r["loss"], r["seeds"], r["failed_seeds"]) for r in results.rows] == [
        ("gpo", "triplet", 3, 0),
        ("gpo", "aoq", 3, 0),
        ("maxavg", "triplet", 3, 0),
        ("maxavg", "aoq", 2, 1),
    ]
    gpo, aoq = results.rows[:2]
    assert gpo["seconds_to_target"] < aoq["seconds_to_target"]
    assert aoq["total_seconds"] == 84.5


def test_the_public_name(folder):
    assert vsebench.load_results(folder).rows == load_results(folder).rows


def test_frame_has_nullable_columns(folder):
    frame = load_results(folder).frame()
    assert list(frame) == list(task_named("retrieval").row_keys)
    assert frame["seeds"].dtype == "Int64"
    assert frame["rsum"].dtype == "Float64"
    assert frame["sampler"].isna().all()
    assert frame["rsum"].tolist() == [row["rsum"] for row in load_results(folder).rows]


def test_leaderboard_ranks_within_a_data_set(tmp_path):
    for pooling, rsum in (("mean", 290.0), ("gpo", 310.0), ("max", 290.0), ("kmax", 300.0)):
        save(tmp_path, make_record(make_spec(pooling), rsum=rsum))
    save(tmp_path, make_record(make_spec("combo"), status="failed", test={}))
    save(tmp_path, make_record(make_spec("mean", dataset="flickr8k"), rsum=400.0))
    board = load_results(tmp_path).leaderboard()
    scenes = board[board["dataset"] == "scenes"]
    assert next(iter(board)) == "rank"
    assert scenes["pooling"].tolist()[:2] == ["gpo", "kmax"]
    assert scenes["rank"].tolist()[:4] == [1, 2, 3, 3]
    assert scenes["rank"].iloc[4] is pd.NA
    assert scenes["pooling"].iloc[4] == "combo"
    assert board[board["dataset"] == "flickr8k"]["rank"].tolist() == [1]


def test_mixing_must_be_asked_for(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    save(
        tmp_path,
        make_record(
            make_spec(
                "gpo",
                protocol=QUICK.model_copy(update={"epochs": 8}),
                protocol_changes={"epochs": 8},
            ),
            provenance=make_provenance(started="2026-11-21T11:00:00Z"),
        ),
    )
    with pytest.raises(VsebenchError, match="--allow-mixed"):
        load_results(tmp_path)
    results = load_results(tmp_path, allow_mixed=True)
    assert [row["protocol"] for row in results.rows] == ["quick", "quick:epochs=8"]
    assert "scenes · test · epochs=8" in results.table()


def test_unfinished_runs_are_told_of(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    Store(tmp_path).directory_for(make_spec("max")).write_spec(make_spec("max"))
    results = load_results(tmp_path)
    assert len(results.rows) == 1
    assert "Unfinished, not in the table: scenes · max · triplet · seed 0." in results.table()


def test_results_of_a_suite_are_those_of_its_runs(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    save(tmp_path, make_record(make_spec("gpo", protocol=QUICK.model_copy(update={"epochs": 8}))))
    results = results_of(tmp_path, [make_spec("gpo").run_id])
    assert [row["pooling"] for row in results.rows] == ["gpo"]
