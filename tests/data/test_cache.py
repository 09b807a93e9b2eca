from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from vsebench.data import cache as module
from vsebench.data.cache import cache_dir, read_note, write_note


def test_the_environment_decides(monkeypatch, tmp_path):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"


def test_the_usual_folder_where_it_can_be_written(monkeypatch, tmp_path):
    monkeypatch.delenv("VSEBENCH_CACHE")
    monkeypatch.setattr(
        module, "user_cache_path", lambda _: tmp_path / "home" / ".cache" / "vsebench"
    )
    assert cache_dir() == tmp_path / "home" / ".cache" / "vsebench"
    assert not (tmp_path / "home").exists()


def test_a_temporary_folder_where_the_usual_one_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.delenv("VSEBENCH_CACHE")
    monkeypatch.setattr(module, "user_cache_path", lambda _: tmp_path / "file" / "vsebench")
    (tmp_path / "file").write_text("in the way")
    assert cache_dir().parent == Path(tempfile.gettempdir())


def test_notes(tmp_path):
    path = tmp_path / "a" / "b.json"
    assert read_note(path) is None
    write_note(path, {"x": 1})
    assert read_note(path) == {"x": 1}
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_writers_of_equal_pids_on_two_machines_do_not_meet(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "getpid", lambda: 1)
    drafts, replace = [], Path.replace

    def meanwhile(draft, path):
        drafts.append(draft)
        if len(drafts) == 1:
            write_note(path, {"from": "the other"})
        return replace(draft, path)

    monkeypatch.setattr(Path, "replace", meanwhile)
    write_note(tmp_path / "note.json", {"from": "us"})
    assert len(set(drafts)) == 2
    assert read_note(tmp_path / "note.json") == {"from": "us"}
    assert [p.name for p in tmp_path.iterdir()] == ["note.json"]


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    def full(draft, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    write_note(tmp_path / "note.json", {"x": 1})
    assert list(tmp_path.iterdir()) == []
