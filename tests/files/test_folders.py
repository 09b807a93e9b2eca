from __future__ import annotations

import os
import time

import pytest

from vsebench import files
from vsebench.plugin import WriteError


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with files.appearing(tmp_path / "new" / "set") as unfinished:
        (unfinished / "a").write_text("x")
        assert not (tmp_path / "new" / "set").exists()
    assert (tmp_path / "new" / "set" / "a").read_text() == "x"
    assert names(tmp_path / "new") == ["set"]


def fill_half(folder):
    with files.appearing(folder) as unfinished:
        (unfinished / "a").write_text("half")
        raise ZeroDivisionError


def test_an_error_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError):
        fill_half(tmp_path / "set")
    assert names(tmp_path) == []


def test_what_a_killed_process_left_of_a_folder_is_removed_when_it_is_old(tmp_path):
    folder = tmp_path / "set[1]"
    for name, age in (("old", 2 * files.ABANDONED), ("new", 0)):
        left = tmp_path / f".set[1].{name}.unfinished"
        (left / "below").mkdir(parents=True)
        (left / "below" / "a").touch()
        for path in (left / "below" / "a", left / "below", left):
            os.utime(path, (time.time() - age,) * 2)
    with files.appearing(folder):
        pass
    assert names(tmp_path) == [".set[1].new.unfinished", "set[1]"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file", "it is a file; choose another folder"),
        ("file/a", "{0}/file is a file; choose another folder"),
        ("there", "it exists already; choose another folder"),
    ],
)
def test_what_is_in_the_way_is_named_and_kept(tmp_path, name, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").write_text("")
    path = tmp_path / name
    with pytest.raises(WriteError) as caught, files.appearing(path):
        pass
    assert str(caught.value) == f"cannot write {path}: {message.format(tmp_path)}"
    assert names(tmp_path) == ["file", "there"]
    assert names(tmp_path / "there") == ["a"]
