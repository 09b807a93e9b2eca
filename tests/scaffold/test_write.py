"""A folder is written whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vsebench.plugin import SpecError, WriteError
from vsebench.scaffold import write


def test_files_are_written(tmp_path: Path):
    write({"a.txt": "é\n", "b/c.txt": "2\n"}, tmp_path / "new")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "é\n"
    assert (tmp_path / "new" / "b" / "c.txt").read_text() == "2\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_what_exists_is_never_touched(make, tmp_path: Path):
    make(tmp_path / "new")
    before = os.lstat(tmp_path / "new")
    with pytest.raises(
        SpecError, match=r"'.*new' exists already: choose another name, or move it out of the way"
    ):
        write({"a.txt": "1"}, tmp_path / "new")
    assert os.lstat(tmp_path / "new") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


def test_nothing_is_left_half_written(tmp_path: Path):
    with pytest.raises(WriteError, match=r"cannot write .*new: "):
        write({"a.txt": "1", "a.txt/b.txt": "2"}, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
