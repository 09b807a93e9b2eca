from __future__ import annotations

import tempfile
from pathlib import Path

from vsebench.data import cache as module
from vsebench.data.cache import cache_dir, read_note, write_note


def test_the_environment_decides(monkeypatch, tmp_path):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"


def test_the_usual_folder_where_it_can_be_written(monkeypatch, tmp_path):
    monkeypatch.delenv("VSEBENCH_CACHE")
    monkeypatch.setattr(module, "user_cache_path", lambda _: tmp_path / "home" / ".cache" / "vsebench")
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
