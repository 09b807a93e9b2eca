"""Runs that are executed where their folder cannot be seen."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_spec
from tests.grid.conftest import doing
from vsebench.grid import away as implementation
from vsebench.grid.job import job_of
from vsebench.plugin import Job, send_away, spawn, unpacked
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.store import Store
from vsebench.results.record import RunRecord
from vsebench.results.run_base import Environment
from vsebench.results.spec import RunSpec, read_spec


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the other machine puts its folders."""
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.setattr(implementation.tempfile, "gettempdir", lambda: str(folder))
    monkeypatch.setattr(implementation.tempfile, "tempdir", str(folder))
    return folder


def made(out: Path, spec: RunSpec) -> Job:
    return job_of(spec, Store(out).directory_for(spec).path)


def test_a_run_leaves_here_what_it_left_there(out: Path, temporary: Path) -> None:
    job = made(out, doing("nothing"))
    away = send_away(job)
    assert away is not None
    assert send_away(job) is None  # somebody works on it
    with unpacked(pickle.loads(pickle.dumps(away.parcel()))) as there:
        assert there.job.directory.is_relative_to(temporary)
        assert spawn(there.job, lambda message: None).wait().startswith("its process ended")
        left = there.changed(ended=True)
        assert there.changed(ended=True) == {}
    assert not any(temporary.iterdir())
    assert {"record.json", "done", "run.log"} <= left.keys()
    assert not any(name.startswith("lease") or name == "spec.json" for name in left)
    assert not RunDirectory(job.directory).is_done
    away.receive(left)
    away.release()
    directory = RunDirectory(job.directory)
    assert directory.is_done
    record = directory.read_record()
    assert record is not None
    assert record.run_id == job.run_id
    assert directory.damage(model=False) == {}
    again = send_away(job)
    assert again is not None
    again.release()


def test_the_run_there_has_what_it_left_here_and_what_it_needs(out: Path) -> None:
    first = make_spec(seed=1)
    needed = Store(out).directory_for(first)
    needed.write_spec(first)
    (needed.path / "best.safetensors").write_bytes(b"weights")
    needed.write_record(RunRecord(run_id=first.run_id, status="done", spec=first))
    job = made(out, make_spec(depends_on=(first.run_id,)))
    job.directory.mkdir()
    for name in ("checkpoint.pt", "curve.jsonl", "run.log", "record.json"):
        (job.directory / name).write_text(name)
    away = send_away(job)
    assert away is not None
    with unpacked(away.parcel()) as there:
        found = {path.name for path in there.job.directory.iterdir()}
        assert found == {"checkpoint.pt", "curve.jsonl", "run.log"}
        beside = Store(there.job.directory.parent).find_model(first.run_id)
        assert beside is not None
        assert beside.is_done
        assert beside.best_path.read_bytes() == b"weights"
        beside.check_best()
        assert there.changed() == {}
    away.release()


def test_plugin_files_travel_and_the_run_stays_the_same(out: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("value = 7\n")
    spec = make_spec()
    spec = spec.model_copy(update={"environment": Environment(plugin_files=(str(plugin),))})
    job = made(out, spec)
    away = send_away(job)
    assert away is not None
    parcel = away.parcel()
    plugin.unlink()
    with unpacked(parcel) as there:
        found = read_spec(there.job.spec)
        assert found.run_id == spec.run_id
        (file,) = map(Path, found.environment.plugin_files)
        assert (file.name, file.read_text()) == ("mine.py", "value = 7\n")
        assert not Store(there.job.directory.parent).runs()[1:]
    away.release()


def test_what_has_changed_travels_and_the_end_of_a_run_travels_last(out: Path) -> None:
    job = made(out, make_spec())
    away = send_away(job)
    assert away is not None
    with unpacked(away.parcel()) as there:
        folder = there.job.directory
        (folder / "curve.jsonl").write_text("1\n")
        (folder / "checkpoint.pt").write_text("first")
        (folder / "record.json").write_text("{}")
        (folder / ".half.tmp").write_text("not whole")
        (folder / "more").mkdir()
        (folder / "more" / "of a plugin.txt").write_text("kept")
        before = there.changed()
        assert before == {
            "checkpoint.pt": b"first",
            "curve.jsonl": b"1\n",
            "more/of a plugin.txt": b"kept",
        }
        assert next(iter(before)) == "checkpoint.pt"  # read before what belongs to it
        (folder / "checkpoint.pt").unlink()
        (folder / "done").write_text("")
        assert there.changed() == {"checkpoint.pt": None}
        assert there.changed(ended=True) == {"record.json": b"{}", "done": b""}
    away.receive(before)
    assert (job.directory / "more" / "of a plugin.txt").read_text() == "kept"
    away.receive({"checkpoint.pt": None})
    assert not (job.directory / "checkpoint.pt").exists()
    away.release()


def test_files_are_written_in_an_order_in_which_any_part_of_them_is_sound(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(out, make_spec())
    away = send_away(job)
    assert away is not None
    written: list[str] = []
    monkeypatch.setattr(
        implementation.files, "write_bytes", lambda path, content: written.append(path.name)
    )
    away.receive(dict.fromkeys(("done", "record.json", "checkpoint.pt", "a", "z"), b""))
    assert written == ["a", "z", "checkpoint.pt", "record.json", "done"]
    away.release()


def test_a_run_that_another_process_has_taken_over_is_left_alone(out: Path) -> None:
    job = made(out, make_spec())
    away = send_away(job)
    assert away is not None
    assert not away.taken_over
    (lease,) = job.directory.glob("lease-1.json")
    lease.unlink()
    (job.directory / "lease-2.json").write_text(json.dumps({"released": True}))
    assert away.taken_over
    away.receive({"curve.jsonl": b"1\n"})
    assert not (job.directory / "curve.jsonl").exists()
    away.release()


def test_what_killed_processes_left_is_removed_and_what_lives_stays(
    out: Path, temporary: Path
) -> None:
    dead = temporary / "vsebench-away-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    away = send_away(made(out, make_spec()))
    other = send_away(made(out, make_spec(seed=1)))
    assert away is not None
    assert other is not None
    with unpacked(away.parcel()) as first:
        assert not dead.exists()
        with unpacked(other.parcel()) as second:
            assert first.job.directory.is_dir()
            assert second.job.directory.is_dir()
    away.release()
    other.release()


def test_a_parcel_keeps_limits_and_resources(out: Path) -> None:
    job = made(out, make_spec())
    away = send_away(job)
    assert away is not None
    with unpacked(away.parcel()) as there:
        assert replace(there.job, directory=job.directory, spec=job.spec) == job
    away.release()
