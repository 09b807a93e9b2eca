from __future__ import annotations

import json
import os
import random
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.noted import Noted
from vsebench.results.folder.store import RunDirectory, Store, directory_name
from vsebench.results.spec import RunSpec


@pytest.fixture
def directory(tmp_path):
    found = RunDirectory(tmp_path / "run")
    found.write_spec(make_spec())
    return found


def test_spec_and_record_come_back_equal(directory):
    assert directory.read_spec() == make_spec()
    assert directory.read_record() is None
    assert not directory.is_done
    record = make_record()
    directory.write_record(record)
    assert directory.read_record() == record
    assert directory.is_done


def test_a_record_names_no_path_of_the_machine(directory):
    environment = {
        "data_path": "/home/somebody/data/flickr8k",
        "plugin_files": ("/home/somebody/my_pool.py",),
        "concurrency": 3,
    }
    spec = RunSpec.model_validate({**make_spec().model_dump(), "environment": environment})
    directory.write_spec(spec)
    directory.write_record(make_record(spec))
    assert directory.read_spec() == spec
    assert "somebody" not in (directory.path / "record.json").read_text()
    published = directory.read_record().spec
    assert (published.environment.plugin_files, published.environment.concurrency) == (
        ("my_pool.py",),
        3,
    )
    assert published.run_id == spec.run_id


def test_the_marker_comes_last(directory, monkeypatch):
    """A kill between record and marker leaves a run that is not done."""
    from vsebench import files

    written = []
    monkeypatch.setattr(files, "write_bytes", lambda path, content: written.append(path.name))
    directory.write_record(make_record())
    assert written == ["record.json", "done"]


def test_only_a_run_that_ended_well_is_done(directory):
    directory.write_record(make_record())
    directory.write_record(make_record(status="failed", error="Traceback\nValueError: no"))
    assert not directory.is_done
    assert directory.read_record().status == "failed"


@pytest.mark.parametrize("cut", [0, 1, 100, -3])
def test_a_truncated_record_names_file_and_cure(directory, cut):
    directory.write_record(make_record())
    path = directory.path / "record.json"
    path.write_text(path.read_text()[:cut])
    with pytest.raises(VsebenchError, match=r"record\.json is damaged .*'vsebench run'") as caught:
        directory.read_record()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("record.json", RunDirectory.read_record),
        ("curve.jsonl", RunDirectory.read_curve),
        ("done", RunDirectory.read_record),
        ("ranks.npz", RunDirectory.read_ranks),
        ("spec.json", RunDirectory.read_spec),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(directory, name, read):
    directory.append_evaluation(make_curve([100])[0])
    directory.write_ranks(np.ones(3), np.ones(3), np.zeros(3))
    directory.write_record(make_record(steps=10))
    (directory.path / name).unlink()
    os.mkfifo(directory.path / name)
    with pytest.raises(VsebenchError, match=rf"{name} is damaged \(it is no regular file\)"):
        read(directory)


def test_a_pipe_in_the_place_of_the_note_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "plan.json")
    with pytest.raises(VsebenchError, match=r"plan\.json is damaged: delete it"):
        Store(tmp_path).noted()


def test_a_record_that_is_not_one(directory):
    (directory.path / "record.json").write_text("[1]")
    with pytest.raises(VsebenchError, match="damaged"):
        directory.read_record()


def test_a_record_of_a_newer_version_asks_for_an_upgrade(directory):
    content = json.loads(make_record().model_dump_json()) | {"schema_version": 2, "surprise": 1}
    (directory.path / "record.json").write_text(json.dumps(content))
    with pytest.raises(
        VsebenchError, match=r"newer vsebench \(record schema 2, this one reads up to 1\)"
    ):
        directory.read_record()


def test_a_missing_spec(tmp_path):
    with pytest.raises(VsebenchError, match=r"spec\.json is missing"):
        RunDirectory(tmp_path).read_spec()


def test_curve_comes_back_line_by_line(directory):
    assert directory.read_curve() == []
    curve = make_curve([100, 200, 300])
    for n, evaluation in enumerate(curve, start=1):
        directory.append_evaluation(evaluation)
        assert directory.read_curve() == curve[:n]


def test_every_cut_of_the_curve_reads_as_its_whole_lines(directory):
    curve = make_curve([100, 200])
    for evaluation in curve:
        directory.append_evaluation(evaluation)
    path = directory.path / "curve.jsonl"
    content = path.read_bytes()
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        assert directory.read_curve() == curve[: content[:cut].count(b"\n")]


@pytest.mark.parametrize(
    "write",
    [
        lambda directory: directory.write_spec(make_spec()),
        lambda directory: directory.write_record(make_record(status="failed", error="no")),
        lambda directory: directory.append_evaluation(make_curve([300])[0]),
        lambda directory: directory.truncate_curve(-1),
        lambda directory: directory.write_ranks(np.zeros(2), np.zeros(2), np.arange(2)),
        lambda directory: directory.write_per_image({"image": np.zeros(2)}),
        lambda directory: directory.write_checkpoint({"step": 1}),
        lambda directory: directory.write_best({"weight": torch.zeros(2)}),
    ],
)
def test_who_has_lost_the_lease_writes_nothing(directory, write):
    def ensure_held():
        raise ZeroDivisionError

    directory.write_record(make_record())
    directory.append_evaluation(make_curve([100])[0])
    before = {path.name: path.read_bytes() for path in directory.path.iterdir()}
    with pytest.raises(ZeroDivisionError):
        write(RunDirectory(directory.path, ensure_held))
    assert {path.name: path.read_bytes() for path in directory.path.iterdir()} == before


@pytest.mark.parametrize(("step", "kept"), [(-1, 0), (9, 0), (10, 1), (25, 2), (1000, 3)])
def test_resuming_drops_later_evaluations_and_a_torn_line(directory, step, kept):
    curve = make_curve([100, 200, 300])
    for evaluation in curve:
        directory.append_evaluation(evaluation)
    with (directory.path / "curve.jsonl").open("a") as file:
        file.write('{"step": 40, "epo')
    directory.truncate_curve(step)
    directory.append_evaluation(curve[-1])
    assert directory.read_curve() == [*curve[:kept], curve[-1]]


def test_a_damaged_line_inside_the_curve_is_an_error(directory):
    (directory.path / "curve.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(VsebenchError, match=r"curve\.jsonl is damaged"):
        directory.read_curve()


def test_truncating_no_curve(directory):
    directory.truncate_curve(10)
    assert directory.read_curve() == []


def test_ranks_come_back_as_int32(directory):
    i2t, t2i = np.array([1, 7, 3]), np.arange(1, 16)
    directory.write_ranks(i2t, t2i, np.arange(len(t2i)) // 5)
    back = directory.read_ranks()
    np.testing.assert_array_equal(back[0], i2t)
    np.testing.assert_array_equal(back[1], t2i)
    assert {a.dtype for a in back} == {np.dtype(np.int32)}


def test_missing_and_damaged_ranks(directory):
    with pytest.raises(VsebenchError, match=r"ranks\.npz is missing"):
        directory.read_ranks()
    directory.write_ranks(np.ones(3), np.ones(3), np.arange(3))
    path = directory.path / "ranks.npz"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(VsebenchError, match=r"ranks\.npz is damaged"):
        directory.read_ranks()


def test_a_run_is_found_by_its_id(tmp_path):
    store = Store(tmp_path)
    spec = make_spec("gpo", "aoq:h=5", 2)
    directory = store.directory_for(spec)
    assert directory.path == tmp_path / f"scenes-gpo-aoq-h-5-seed2-{spec.run_id[:10]}"
    assert not directory.path.exists()
    assert store.find(spec.run_id) is None
    directory.write_spec(spec)
    assert store.find(spec.run_id).path == directory.path
    assert store.find(make_spec("gpo", "aoq:h=5", 3).run_id) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_run_is_found_where_a_search_of_all_finds_it(tmp_path, seed):
    """Whatever other processes make, rename and remove meanwhile."""
    draw, store = random.Random(seed), Store(tmp_path)
    specs = [make_spec(seed=number) for number in range(5)]
    for _ in range(60):
        spec = draw.choice(specs)
        found = sorted(tmp_path.glob(f"*-{spec.run_id[:10]}"))
        deed = draw.choice(["make", "rename", "remove", "look", "look"])
        if deed == "make" and not found:
            (tmp_path / draw.choice([directory_name(spec), f"old-{spec.run_id[:10]}"])).mkdir()
        elif deed == "rename" and found:
            found[0].rename(tmp_path / f"{draw.randrange(9)}-{spec.run_id[:10]}")
        elif deed == "remove" and found:
            found[0].rmdir()
        run = store.find(spec.run_id)
        expected = next(iter(tmp_path.glob(f"*-{spec.run_id[:10]}")), None)
        assert (run and run.path) == expected
        own = expected or tmp_path / directory_name(spec)
        assert store.directory_for(spec).path == Store(tmp_path).directory_for(spec).path == own
        assert Store(tmp_path).knows(spec) == (expected is not None)


def test_a_run_keeps_the_directory_it_has(tmp_path):
    spec = make_spec()
    moved = tmp_path / f"renamed-{spec.run_id[:10]}"
    moved.mkdir()
    assert Store(tmp_path).directory_for(spec).path == moved


@pytest.mark.parametrize(
    "pooling", ["gpo/mean", "a:b=%2F..%2F", "dist::" + "x" * 300, "...", "ü x"]
)
def test_directory_names_are_safe(pooling):
    name = directory_name(make_spec(pooling))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert len(name) < 140
    assert not name.startswith(".")


def test_directories_and_records_skip_what_is_no_run(tmp_path):
    first = save(tmp_path, make_record(make_spec("gpo")))
    second = save(tmp_path, make_record(make_spec("mean"), status="failed"))
    Store(tmp_path).directory_for(make_spec("max")).write_spec(make_spec("max"))
    (tmp_path / "figures").mkdir()
    (tmp_path / "table.md").touch()
    exported = tmp_path / "exported"
    exported.mkdir()
    (exported / "record.json").write_text(make_record(make_spec("gpo")).model_dump_json())
    assert len(Store(tmp_path).runs()) == 4
    (exported / "model.json").write_text("{}")
    assert Store(tmp_path).records() == [first, second]
    assert len(Store(tmp_path).runs()) == 3
    assert Store(tmp_path / "absent").records() == []


def test_the_order_of_runs_is_remembered_across_plans(tmp_path):
    store = Store(tmp_path)
    assert store.noted() == Noted()
    store.note_plan(["c", "a"])
    store.note_plan(["b", "a", "d"])
    assert store.noted() == Noted(("c", "a", "b", "d"))


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"run_ids": 1}', '{"run_ids": [], "support": 1}']
)
def test_a_damaged_note_is_named(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(VsebenchError, match=r"plan\.json is damaged: delete it"):
        Store(tmp_path).noted()


def test_plans_that_are_noted_at_the_same_time_are_all_remembered(tmp_path, monkeypatch):
    """Each read what is noted before any of them had written."""
    met, read = threading.Barrier(3), Store.noted

    def noted(self):
        found = read(self)
        with suppress(threading.BrokenBarrierError):
            # Without turns all of them meet here, also the second time; with turns nobody comes
            met.wait(0.5)
        return found

    monkeypatch.setattr(Store, "noted", noted)
    noting = [
        threading.Thread(target=Store(tmp_path).note_plan, args=(ids,))
        for ids in (["a", "b"], ["c"], ["d", "a", "e"])
    ]
    for thread in noting:
        thread.start()
    for thread in noting:
        thread.join()
    noted = read(Store(tmp_path)).run_ids
    assert sorted(noted) == ["a", "b", "c", "d", "e"]
    assert noted.index("d") < noted.index("e")


def test_a_plan_that_is_noted_already_writes_nothing(tmp_path):
    Store(tmp_path).note_plan(["a", "b"])
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    Store(tmp_path).note_plan(["b"])
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_prepare_makes_the_folder_and_leaves_it_empty(tmp_path):
    store = Store(tmp_path / "a" / "b")
    store.prepare()
    store.prepare()
    assert list(store.out.iterdir()) == []


def test_prepare_refuses_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(VsebenchError, match=r"cannot write .*choose another folder"):
        Store(tmp_path / "file").prepare()
    with pytest.raises(VsebenchError, match="cannot write"):
        Store(tmp_path / "file" / "below").prepare()

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(VsebenchError, match="Permission denied"):
        Store(tmp_path).prepare()


def test_a_plan_that_is_a_folder_or_nested_too_deeply_is_one_error(tmp_path):
    store = Store(tmp_path)
    plan = tmp_path / "plan.json"
    plan.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(VsebenchError, match="is damaged: delete it"):
        store.noted()
    plan.unlink()
    plan.mkdir()
    with pytest.raises(VsebenchError, match="is damaged: delete it"):
        store.noted()


def test_a_pipe_is_no_pack(tmp_path):
    os.mkfifo(tmp_path / "runs.jsonl.gz")
    with pytest.raises(VsebenchError, match="it is no regular file"):
        Store(tmp_path).noted()
