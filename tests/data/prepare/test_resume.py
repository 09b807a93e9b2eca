from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.data.prepare import inputs
from vsebench.data.prepare import feature_writer
from vsebench.data.prepare import prepare as module
from vsebench.data.prepare.feature_writer import Work, locked
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.manifest import MANIFEST
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError, VsebenchError, WriteError


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


@pytest.fixture
def origin(tmp_path):
    images = inputs.write_json(tmp_path / "in")
    inputs.write_arrays(
        tmp_path / "in",
        [inputs.stem_of(entry) for entry in images],
        inputs.make_features(images, ragged=True),
    )
    return tmp_path / "in"


@pytest.fixture
def often(monkeypatch):
    """Small blocks, and a note after each."""
    monkeypatch.setattr(feature_writer, "BLOCK", 2)
    monkeypatch.setattr(feature_writer, "NOTE_BYTES", 1)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_killed_anywhere_the_same_command_ends_with_the_same_bytes(origin, tmp_path):
    (tmp_path / "work").mkdir()
    arguments = [origin, tmp_path / "reference", tmp_path / "work"]
    found = subprocess.run(
        [sys.executable, Path(__file__).parent / "kills.py", *arguments],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    renames, blocks = map(int, found.stdout.split())
    assert renames > 2 * len(content(tmp_path / "reference"))  # each file is written, and published
    assert blocks == 7  # 5, 3 and 4 images by 2


class KilledError(Exception):
    """Stands for the end of the process."""


def interrupt(origin, target, monkeypatch, after=3):
    """Stops after so many blocks."""
    made = []

    def dying(*arguments):
        made.append(None)
        if len(made) > after:
            raise KilledError
        return whole(*arguments)

    whole = feature_writer._block
    with monkeypatch.context() as patch:
        patch.setattr(feature_writer, "_block", dying)
        with pytest.raises(KilledError):
            prepare(Request("flickr30k", origin, target), quiet)


def test_what_is_done_is_not_done_again(origin, tmp_path, monkeypatch, often):
    interrupt(origin, tmp_path / "out", monkeypatch)
    seen = []
    prepare(
        Request("flickr30k", origin, tmp_path / "out"),
        lambda what, done, total: seen.append((what, done, total)),
    )
    assert next(event for event in seen if event[0] == "features") == ("features", 5, 12)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_beginning_is_written_again(origin, tmp_path, monkeypatch, often, damage):
    prepare(Request("flickr30k", origin, tmp_path / "reference"), quiet)
    interrupt(origin, tmp_path / "out", monkeypatch)
    path = tmp_path / "out" / ".unfinished" / "train_ims.npy"
    raw = bytearray(path.read_bytes())
    raw[140] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(raw if damage == "flip" else raw[:150])
    prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    assert content(tmp_path / "out") == content(tmp_path / "reference")


def test_published_arrays_need_no_space_again(origin, tmp_path, monkeypatch):
    """Killed before the manifest is published, on a disk that the arrays have filled."""
    move = feature_writer.files.move

    def dying(source, target):
        if target.name == MANIFEST:
            raise KilledError
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(feature_writer.files, "move", dying)
        patch.setattr(
            Work, "write", lambda work, name, made: (work.folder / name).write_bytes(made)
        )
        with pytest.raises(KilledError):
            prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    disk = SimpleNamespace(free=module._SPARE)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: disk)
    prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    assert (tmp_path / "out" / MANIFEST).is_file()


def test_unfinished_work_with_other_options_is_not_mixed(origin, tmp_path, monkeypatch):
    interrupt(origin, tmp_path / "out", monkeypatch, after=1)
    with pytest.raises(DataError, match=r"\.unfinished .*other files or options.*--to"):
        prepare(Request("flickr30k", origin, tmp_path / "out", dtype="float32"), quiet)


def test_inputs_that_changed_meanwhile_are_noticed(origin, tmp_path, monkeypatch):
    interrupt(origin, tmp_path / "out", monkeypatch, after=1)
    path = next(origin.glob("*.npy"))
    path.write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="unfinished work with other files"):
        prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)


def test_done_is_done(origin, tmp_path, monkeypatch):
    target = tmp_path / "out"
    manifest = prepare(Request("flickr30k", origin, target), quiet)
    assert json.loads((target / "prepared.json").read_text()) == manifest
    times = {path: path.stat().st_mtime_ns for path in target.iterdir()}
    assert prepare(Request("flickr30k", origin, target), quiet) == manifest
    assert {path: path.stat().st_mtime_ns for path in target.iterdir()} == times
    with pytest.raises(DataError, match=r"other files or with other options.*--to"):
        prepare(Request("flickr30k", origin, target, dtype="float32"), quiet)
    raw = bytearray((target / "dev_ims.npy").read_bytes())
    raw[-1] ^= 1
    (target / "dev_ims.npy").write_bytes(raw)
    with pytest.raises(
        DataError, match=r"was prepared before, but dev_ims\.npy has another SHA-256"
    ):
        prepare(Request("flickr30k", origin, target), quiet)
    (target / "dev_ims.npy").unlink()
    with pytest.raises(DataError, match=r"but dev_ims\.npy is missing"):
        prepare(Request("flickr30k", origin, target), quiet)


def test_files_of_others_are_not_overwritten(origin, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "train_caps.txt").write_text("mine\n")
    with pytest.raises(DataError, match=r"train_caps\.txt exists and was not made by this command"):
        prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    assert content(tmp_path / "out") == {"train_caps.txt": b"mine\n"}


def test_two_at_a_time(origin, tmp_path):
    with (
        locked(tmp_path / "out"),
        pytest.raises(VsebenchError, match="is being prepared by another process"),
    ):
        prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    assert not (tmp_path / "out").exists()


def test_the_target_may_lie_within_the_origin(origin, monkeypatch):
    manifest = prepare(Request("flickr30k", origin, origin / "out"), quiet)
    assert prepare(Request("flickr30k", origin, origin / "out"), quiet) == manifest


@pytest.mark.parametrize("below", ["", "below"])
def test_a_target_that_cannot_be_written(origin, tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        WriteError, match=r"cannot write .*file.*: .* is a file; choose another --to"
    ) as error:
        prepare(Request("flickr30k", origin, tmp_path / "file" / below), quiet)
    assert "\n" not in str(error.value)


def test_a_disk_that_is_too_small(origin, tmp_path, monkeypatch):
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=10**6))
    with pytest.raises(DataError, match=r"out has 0\.0 GB free, expected 0\.1 GB for the arrays"):
        prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    assert not (tmp_path / "out").exists()


def test_what_is_done_is_checked_where_nothing_can_be_written(origin, tmp_path, monkeypatch):
    manifest = prepare(Request("flickr30k", origin, tmp_path / "out"), quiet)
    monkeypatch.setattr(module, "locked", lambda _: pytest.fail("a lock is written"))
    assert prepare(Request("flickr30k", origin, tmp_path / "out"), quiet) == manifest
