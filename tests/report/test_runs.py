from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.factories import make_curve, make_provenance, make_record, make_spec, save
from vsebench.plugin.errors import VsebenchError
from vsebench.report.rows.runs import on_same_images, on_same_images_by_row, read_runs
from vsebench.report.statistics.contributions import recalls
from vsebench.results.folder.store import Store
from vsebench.retrieval import evaluate


def combinations(found):
    return [run.combination[0] for run in found.ended]


def test_records_come_with_their_curves(tmp_path):
    record = save(tmp_path, make_record(), make_curve([1, 2]))
    (run,) = read_runs(tmp_path).ended
    assert run.record == record
    assert list(run.curve) == make_curve([1, 2])


def test_support_runs_are_left_out(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    save(tmp_path, make_record(make_spec("max")))
    Store(tmp_path).directory_for(make_spec("mean")).write_spec(make_spec("mean"))
    ids = {pooling: make_spec(pooling).run_id for pooling in ("gpo", "max", "mean")}
    assert combinations(read_runs(tmp_path)) == ["gpo", "max"]
    Store(tmp_path).note_plan(ids.values(), {ids["gpo"], ids["mean"]})
    found = read_runs(tmp_path)
    assert combinations(found) == ["max"]
    assert found.unfinished == ()


def test_what_a_command_asked_for_is_in_its_table_whatever_the_folder_notes(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    run_id = make_spec("gpo").run_id
    Store(tmp_path).note_plan([run_id], {run_id})
    assert combinations(read_runs(tmp_path, {run_id})) == ["gpo"]
    with pytest.raises(VsebenchError, match="holds no row, but 1 run"):
        read_runs(tmp_path)
    Store(tmp_path).note_plan([run_id, "another"], {run_id})
    with pytest.raises(VsebenchError, match=r"no row of .* has ended yet \(1 run started\)"):
        read_runs(tmp_path)


def test_the_role_in_records_of_older_releases_decides_nothing(tmp_path):
    """Two commands disagreed on it."""
    for pooling, role in (("gpo", "support"), ("max", "row")):
        save(tmp_path, make_record(make_spec(pooling)))
        directory = Store(tmp_path).directory_for(make_spec(pooling))
        for name in ("spec.json", "record.json"):
            content = json.loads((directory.path / name).read_text())
            spec = content["spec"] if name == "record.json" else content
            assert "role" not in spec
            spec["role"] = role
            (directory.path / name).write_text(json.dumps(content))
        (directory.path / "done").write_bytes(b"")
        assert directory.read_spec() == make_spec(pooling)
    assert combinations(read_runs(tmp_path)) == ["gpo", "max"]


def test_order_is_the_plans_then_the_clocks(tmp_path):
    for pooling, started in (("gpo", "3"), ("max", "2"), ("mean", "1"), ("kmax", "0")):
        save(tmp_path, make_record(make_spec(pooling), provenance=make_provenance(started=started)))
    assert combinations(read_runs(tmp_path)) == ["kmax", "mean", "max", "gpo"]
    Store(tmp_path).note_plan([make_spec("mean").run_id, make_spec("gpo").run_id])
    assert combinations(read_runs(tmp_path)) == ["mean", "gpo", "kmax", "max"]


def test_only_the_runs_asked_for(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    save(tmp_path, make_record(make_spec("max")))
    Store(tmp_path).directory_for(make_spec("mean")).write_spec(make_spec("mean"))
    assert combinations(read_runs(tmp_path, {make_spec("max").run_id})) == ["max"]
    assert read_runs(tmp_path, {make_spec("max").run_id}).unfinished == ()
    assert read_runs(tmp_path).unfinished == (make_spec("mean"),)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            "curve",
            r"curve\.jsonl is damaged \(it is not what the run left",
        ),
        (
            "torn curve",
            r"curve\.jsonl is damaged \(it is not what the run left",
        ),
        ("record", r"record\.json is missing"),
        (
            "test",
            r"record\.json is damaged \(.*'rsum'",
        ),
    ],
)
def test_what_a_finished_run_cannot_lack_is_damage(tmp_path, damage, message):
    save(tmp_path, make_record(make_spec("max")), make_curve([1, 2]))
    save(
        tmp_path,
        make_record(make_spec("gpo"), **({"test": {}} if damage == "test" else {})),
        make_curve([1, 2]),
    )
    path = Store(tmp_path).directory_for(make_spec("gpo")).path
    if damage == "record":
        (path / "record.json").unlink()
    elif damage != "test":
        (path / "curve.jsonl").write_text("" if damage == "curve" else '{"step"')
    with pytest.raises(VsebenchError, match=message):
        read_runs(tmp_path)
    assert combinations(read_runs(tmp_path, {make_spec("max").run_id})) == ["max"]


def test_a_failed_run_needs_neither_curve_nor_metrics(tmp_path):
    save(tmp_path, make_record(status="failed", test={}, error="no"))
    (Store(tmp_path).directory_for(make_spec()).path / "curve.jsonl").touch()
    assert [run.done for run in read_runs(tmp_path).ended] == [False]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "table.txt").touch()
    with pytest.raises(VsebenchError, match=r"table\.txt is a file: give the folder"):
        read_runs(tmp_path / "table.txt")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(
        VsebenchError,
        match=f"there is no folder {re.escape(str(tmp_path))}/absent: give the folder",
    ):
        read_runs(tmp_path / "absent")


def test_a_folder_without_runs(tmp_path):
    (tmp_path / "notes").mkdir()
    with pytest.raises(VsebenchError, match="holds no runs: give the folder"):
        read_runs(tmp_path)


def test_a_folder_in_which_nothing_has_ended(tmp_path):
    Store(tmp_path).directory_for(make_spec()).write_spec(make_spec())
    with pytest.raises(VsebenchError, match=r"no row of .* has ended yet \(1 run started\)"):
        read_runs(tmp_path)


RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_over_images_is_the_metric(seed: int) -> None:
    """With one to six captions an image, in any order."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 7, size=12)))
    metrics = evaluate(
        rng.normal(size=(12, 4)).astype("float32"),
        rng.normal(size=(len(owners), 4)).astype("float32"),
        owners,
    )
    found = recalls({"i2t": metrics.i2t_ranks, "t2i": metrics.t2i_ranks, "text_to_image": owners})
    expected = metrics.as_dict()
    assert {key: values.mean() for key, values in found.items()} == pytest.approx(
        {key: expected[key] for key in found}
    )
    assert set(found) == {*(f"{side}_r{k}" for side in ("i2t", "t2i") for k in (1, 5, 10)), "rsum"}


def test_an_image_contributes_its_own_captions() -> None:
    ranks = {"i2t": np.array([0, 9]), "t2i": np.array([0, 7, 0]), "text_to_image": [1, 0, 1]}
    found = recalls({key: np.asarray(values) for key, values in ranks.items()})
    assert found["i2t_r1"].tolist() == [100, 0]
    assert found["t2i_r1"] == pytest.approx([0, 400 / 3])
    assert found["t2i_r10"] == pytest.approx([200 / 3, 400 / 3])


def test_without_owners_captions_stand_image_by_image() -> None:
    ranks = {"i2t": np.array([0, 9]), "t2i": np.array([0, 0, 7, 7])}
    assert recalls(ranks)["t2i_r1"].tolist() == [100, 0]
    assert recalls({**ranks, "t2i": np.zeros(3, int)}) == {}


@pytest.mark.parametrize("study", ["aoq", "mirflickr"])
def test_committed_runs_of_both_tasks_say_what_images_contributed(study: str) -> None:
    for run in read_runs(RESULTS / study).ended[:2]:
        headline = run.task.headline.key
        if run.per_image:
            assert run.per_image[headline].mean() == pytest.approx(run.test(headline))
    if study == "aoq":
        assert run.per_image


def test_runs_of_other_images_share_no_table() -> None:
    aoq = read_runs(RESULTS / "aoq").ended[:2]
    scenes = read_runs(RESULTS / "quick").ended[:1]
    assert on_same_images(aoq, "rsum").shape == (2, 1000)
    assert on_same_images([*aoq, *scenes], "no metric") is None
    assert on_same_images([], "rsum") is None


def test_runs_of_other_images_share_no_table_but_each_row_has_its_own() -> None:
    aoq = read_runs(RESULTS / "aoq").ended[:5]
    scenes = read_runs(RESULTS / "quick").ended[:2]
    for rows in ([aoq[:2], aoq[2:3], [], aoq[3:]], [aoq[:2], scenes, []]):
        found = on_same_images_by_row(rows, "rsum")
        for table, runs in zip(found, rows, strict=True):
            expected = on_same_images(runs, "rsum")
            if expected is None:
                assert table is None or len(table) == 0
            else:
                assert table.tolist() == expected.tolist()
